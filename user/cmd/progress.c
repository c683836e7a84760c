#include "cmd/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "proc/target.h"

enum {
	DRAW_NS = 100 * 1000 * 1000,
};

void progress_begin(struct progress *p, const struct capture *c, bool quiet, uint64_t now_ns)
{
	*p = (struct progress){ .live = !quiet && isatty(STDERR_FILENO), .start_ns = now_ns,
				.last_ns = now_ns };
	if (target_cpu_ns(capture_target(c), &p->cpu_start_ns) < 0)
		p->cpu_start_ns = 0;
}

static double share(uint64_t cost_ns, uint64_t ns)
{
	return ns ? 100.0 * (double)cost_ns / (double)ns : 0;
}

void progress_cost(const struct progress *p, const struct session *s, uint64_t now_ns,
		   struct progress_cost *ret)
{
	ret->hits = s->toll.hits;
	ret->cpu_percent = share(s->toll.ns, now_ns - p->start_ns);
}

void progress_draw(struct progress *p, const struct session *s, uint64_t bytes, uint64_t now_ns)
{
	const struct model_stats *m = model_get_stats(s->join.model);
	const struct toll *t = &s->toll;
	bool paused = capture_rung(s->capture) == RUNG_PAUSED;
	char ev[PARSE_TEXT_MAX], by[PARSE_TEXT_MAX], ht[PARSE_TEXT_MAX];
	uint64_t dt = now_ns - p->last_ns;
	struct rings_sums sums;

	if (!p->live || dt < DRAW_NS)
		return;
	capture_sums(s->capture, &sums);
	fprintf(stderr,
		"\r\033[K%.1fs  %s events/s  %s  lost %" PRIu64 "  %s hits/s  target +%.1f%% of a CPU%s",
		(double)(now_ns - p->start_ns) / 1e9,
		parse_fmt_count((m->events - p->last_events) * 1000000000ULL / dt, ev),
		parse_fmt_bytes(bytes, by), sums.lost,
		parse_fmt_count((t->hits - p->last_hits) * 1000000000ULL / dt, ht),
		share(t->ns - p->last_cost_ns, dt), paused ? "  paused" : "");
	fflush(stderr);
	p->last_ns = now_ns;
	p->last_events = m->events;
	p->last_hits = t->hits;
	p->last_cost_ns = t->ns;
}

void progress_clear(struct progress *p)
{
	if (p->live)
		fputs("\r\033[K", stderr);
}

static void say_losses(const struct rings_sums *sums)
{
	if (!sums->lost) {
		fprintf(stderr, "  lost       none\n");
		return;
	}
	fprintf(stderr, "  lost       %" PRIu64 " records, rings full:", sums->lost);
	for (unsigned h = 0; h < HOOK_BPF_END; h++)
		if (sums->lost_by[h])
			fprintf(stderr, " %s %" PRIu64, plan_hook_name(h), sums->lost_by[h]);
	fprintf(stderr, "; a larger --ring may help\n");
}

static void say_repairs(const struct model_stats *s)
{
	bool any = false;

	fprintf(stderr, "  repairs   ");
	for (unsigned r = 0; r < REPAIR_COUNT; r++) {
		if (!s->repairs[r])
			continue;
		fprintf(stderr, " %s%s %" PRIu64, repair_name(r), repair_expected(r) ? "" : "!",
			s->repairs[r]);
		any = true;
	}
	fprintf(stderr, "%s\n", any ? "" : " none");
}

static void say_cost(const struct progress *p, const struct session *s, uint64_t ns)
{
	const struct toll *t = &s->toll;
	char a[PARSE_TEXT_MAX];
	struct buf text = { 0 };
	uint64_t cpu = 0;

	fprintf(stderr, "  cost       %s hits, %.0f/s: about %.1f%% of one CPU added to the target",
		parse_fmt_count(t->hits, a), ns ? (double)t->hits * 1e9 / (double)ns : 0,
		share(t->ns, ns));
	if (target_cpu_ns(capture_target(s->capture), &cpu) == 0 && cpu >= p->cpu_start_ns && ns)
		fprintf(stderr, " (it used %.1f%% in all)",
			100.0 * (double)(cpu - p->cpu_start_ns) / (double)ns);
	fprintf(stderr, "\n");
	throttle_text(&s->throttle, "  budget     ", &text);
	if (text.len && !text.failed)
		fprintf(stderr, "%.*s", (int)text.len, (const char *)text.p);
	buf_done(&text);
}

void progress_summary(const struct progress *p, const struct session *s, const char *path,
		      uint64_t bytes, uint64_t now_ns, const char *ended)
{
	const struct model_stats *m = model_get_stats(s->join.model);
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX], e[PARSE_TEXT_MAX], g[PARSE_TEXT_MAX];
	uint64_t ns = now_ns - p->start_ns;
	struct rings_sums sums;

	if (log_get_level() < LOG_INFO)
		return;
	capture_sums(s->capture, &sums);
	fprintf(stderr, "recorded %s of %s (pid %d, %s)%s%s\n", parse_fmt_ns(ns, a),
		s->join.meta.name, capture_target(s->capture)->pid, s->join.meta.version,
		ended[0] ? ": " : "", ended);
	fprintf(stderr, "  events     %s in %" PRIu64 " generations, %s goroutines, %s\n",
		parse_fmt_count(m->events, e), m->generations, parse_fmt_count(m->goroutines, g),
		parse_fmt_bytes(bytes, b));
	say_losses(&sums);
	say_repairs(m);
	if (sums.faults)
		fprintf(stderr, "  unreadable %" PRIu64 " reads of target memory failed\n",
			sums.faults);
	say_cost(p, s, ns);
	if (path)
		fprintf(stderr, "wrote %s\nopen it with: go tool trace %s\n", path, path);
}
