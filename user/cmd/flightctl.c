/* flightctl.c - what a flight recorder answers to `gotrace-bpf ctl` (protocol: ctl.h). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "cmd/flightrec.h"

struct status {
	const struct target *t;
	const struct model_stats *m;
	struct genring_stat ring;
	struct rings_sums sums;
	struct progress_cost cost;
	uint64_t ran_ns, done, all;
};

static void status_get(struct flight *f, struct status *s)
{
	uint64_t now = clock_mono_ns();

	s->t = capture_target(f->s.capture);
	s->m = model_get_stats(f->s.join.model);
	genring_get_stat(f->ring, &s->ring);
	capture_sums(f->s.capture, &s->sums);
	progress_cost(&f->progress, &f->s, now, &s->cost);
	s->ran_ns = now - f->progress.start_ns;
	s->done = s->all = 0;
	if (dump_busy(f->dump))
		dump_progress(f->dump, &s->done, &s->all);
}

static double per_s(uint64_t n, uint64_t ns)
{
	return ns ? (double)n * 1e9 / (double)ns : 0;
}

/* Events a second in the window: what is true now, not since the start. */
static double event_rate(const struct status *s)
{
	return per_s(s->ring.events, s->ring.end_ns - s->ring.start_ns);
}

static void status_text(struct flight *f, struct buf *b)
{
	const struct flight_opts *fo = &f->o->flight;
	char a[PARSE_TEXT_MAX], c[PARSE_TEXT_MAX], e[PARSE_TEXT_MAX];
	struct status s;

	status_get(f, &s);
	buf_printf(b, "pid %d (%s, %s), recording for %s\n", s.t->pid, f->s.join.meta.name,
		   f->s.join.meta.version, parse_fmt_ns(s.ran_ns, a));
	buf_printf(b, "window   %s", parse_fmt_ns(s.ring.end_ns - s.ring.start_ns, a));
	if (fo->window_ns)
		buf_printf(b, " of %s", parse_fmt_ns(fo->window_ns, a));
	buf_printf(b, ", %s of %s, %zu generations, %s events\n", parse_fmt_bytes(s.ring.bytes, a),
		   parse_fmt_bytes(fo->bytes, c), s.ring.gens, parse_fmt_count(s.ring.events, e));
	buf_printf(b, "rate     %.0f events/s; lost %" PRIu64 " records\n", event_rate(&s),
		   s.sums.lost);
	buf_printf(b, "cost     %.0f hits/s: about %.1f%% of one CPU added to the target\n",
		   per_s(s.cost.hits, s.ran_ns), s.cost.cpu_percent);
	throttle_text(&f->s.throttle, "budget   ", b);
	buf_printf(b, "memory   %s, stated at most %s; %" PRIu64 " goroutines\n",
		   parse_fmt_bytes(flightmem_rss(), a), parse_fmt_bytes(f->mem.stated, c),
		   s.m->live);
	buf_printf(b,
		   "dumps    %" PRIu64 " written (%s), %" PRIu64 " failed, %" PRIu64
		   " triggers joined one%s",
		   f->dumps, parse_fmt_bytes(f->dump_bytes, a), f->failed, f->q.joined,
		   s.all ? "; one is being written" : "");
}

static void status_json(struct flight *f, struct buf *b)
{
	const struct flight_opts *fo = &f->o->flight;
	struct json j = { .out = b };
	struct status s;

	status_get(f, &s);
	json_object(&j, NULL);
	json_int(&j, "pid", s.t->pid);
	json_str(&j, "command", f->s.join.meta.name);
	json_str(&j, "go", f->s.join.meta.version);
	json_num(&j, "seconds", (double)s.ran_ns / 1e9);
	json_object(&j, "window");
	json_num(&j, "seconds", (double)(s.ring.end_ns - s.ring.start_ns) / 1e9);
	json_num(&j, "limit_seconds", (double)fo->window_ns / 1e9);
	json_uint(&j, "bytes", s.ring.bytes);
	json_uint(&j, "limit_bytes", fo->bytes);
	json_uint(&j, "generations", s.ring.gens);
	json_uint(&j, "events", s.ring.events);
	json_object_end(&j);
	json_num(&j, "events_per_second", event_rate(&s));
	json_uint(&j, "lost_records", s.sums.lost);
	json_uint(&j, "goroutines", s.m->live);
	json_object(&j, "cost");
	json_num(&j, "hits_per_second", per_s(s.cost.hits, s.ran_ns));
	json_num(&j, "cpu_percent", s.cost.cpu_percent);
	json_object_end(&j);
	throttle_json(&f->s.throttle, &j);
	json_object(&j, "memory");
	json_uint(&j, "resident_bytes", flightmem_rss());
	json_uint(&j, "stated_bytes", f->mem.stated);
	json_object_end(&j);
	json_object(&j, "dumps");
	json_uint(&j, "written", f->dumps);
	json_uint(&j, "bytes", f->dump_bytes);
	json_uint(&j, "failed", f->failed);
	json_uint(&j, "given_up", f->abandoned);
	json_uint(&j, "joined", f->q.joined);
	json_uint(&j, "removed", f->shelf.removed);
	json_num(&j, "dearest_cut_cpu_seconds", (double)f->cut_ns / 1e9);
	json_bool(&j, "writing", s.all != 0);
	json_str(&j, "last", f->last_path);
	json_object_end(&j);
	json_object_end(&j);
}

/* "dump [last=NS] [file=PATH]"; the path is the rest of the line. */
static int do_dump(struct flight *f, const char *args, struct buf *text, uint64_t *ret_id)
{
	struct trigger t = { .at_ns = clock_mono_ns(), .reason = "ctl" };
	char *end;

	if (strncmp(args, " last=", 6) == 0) {
		t.last_ns = strtoull(args + 6, &end, 10);
		args = end;
	}
	if (strncmp(args, " file=", 6) == 0) {
		size_t n = strlen(args + 6);

		if (n == 0 || n >= sizeof(t.file) || args[6] != '/') {
			buf_printf(text, "not the path of a file");
			return -EINVAL;
		}
		memcpy(t.file, args + 6, n + 1);
	} else if (*args) {
		buf_printf(text, "dump:%s: not understood", args);
		return -EINVAL;
	}
	flight_note(f, f->s.polled_ns, "a dump was asked for by ctl");
	if (flight_trigger(f, &t, ret_id) < 0) {
		buf_printf(text, "two dumps are waiting already; try again");
		return -EBUSY;
	}
	return CTL_LATER;
}

int flight_ctl(void *ctx, const char *line, struct buf *text, uint64_t *ret_id)
{
	struct flight *f = ctx;

	if (strcmp(line, "status") == 0) {
		status_text(f, text);
		return 0;
	}
	if (strcmp(line, "status json") == 0) {
		status_json(f, text);
		return 0;
	}
	if (strcmp(line, "stop") == 0) {
		f->stop = true;
		buf_printf(text, "stopping");
		return 0;
	}
	if (strncmp(line, "dump", 4) == 0 && (line[4] == '\0' || line[4] == ' '))
		return do_dump(f, line + 4, text, ret_id);
	buf_printf(text, "no such request");
	return -EINVAL;
}
