#include "cmd/flight.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/scope.h"
#include "cmd/flightrec.h"
#include "cmd/follow.h"
#include "cmd/notify.h"

enum {
	TICK_MS = 100,
	COND_SPACING_NS = 1000 * 1000 * 1000, /* of dumps by conditions, unless asked otherwise */
	NOTE_SPACING_NS = 10 * 1000 * 1000,
};

/* A condition is met: told in the trace, and a dump. */
static void on_hit(struct flight *f, const struct watch_hit *hit)
{
	struct trigger t = { .at_ns = hit->ts,
			     .spacing_ns = f->o->flight.min_interval_ns ? 0 : COND_SPACING_NS };
	bool made;
	uint64_t id;

	snprintf(t.reason, sizeof(t.reason), "%s", cond_name(hit->cond->kind));
	made = flight_trigger(f, &t, &id) == 1;
	if (!made && hit->ts < f->noted_ns + NOTE_SPACING_NS)
		return; /* one that is met a million times a second must not fill the window */
	f->noted_ns = hit->ts;
	flight_note(f, hit->ts, hit->text);
	if (made)
		log_info("%s", hit->text);
}

static int take_record(void *ctx, const struct rec *r)
{
	struct flight *f = ctx;
	bool watched = f->watch;
	struct rec named = { 0 };
	struct watch_hit hit;
	int err;

	/* Many records have a goroutine's address alone: the model knows whose it is, until its end. */
	if (watched) {
		named = *r;
		if (!named.goid && r->hook < HOOK_BPF_END)
			named.goid = model_goid(f->s.join.model, r->g);
	}
	err = model_record(f->s.join.model, r);
	if (model_holds(f->s.join.model) && r->hook != HOOK_PLAN)
		watched = false;
	if (!err && watched && watch_record(f->watch, &named, &hit))
		on_hit(f, &hit);
	return err;
}

static void tick(struct flight *f)
{
	struct watch_hit hit;
	uint64_t now = f->s.polled_ns;

	if (!f->watch || now < f->ticked_ns + TICK_MS * 1000000ULL)
		return;
	f->ticked_ns = now;
	if (watch_tick(f->watch, now, model_get_stats(f->s.join.model)->live, &hit))
		on_hit(f, &hit);
}

/* ---- begin ---- */

static void say_begin(const struct flight *f)
{
	const struct flight_opts *fo = &f->o->flight;
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX], asked[80];
	const struct target *t = capture_target(f->s.capture);

	log_info("flight recorder: pid %d (%s, %s): the newest %s%sat most %s are kept", t->pid,
		 f->s.join.meta.name, f->s.join.meta.version,
		 fo->window_ns ? parse_fmt_ns(fo->window_ns, a) : "records",
		 fo->window_ns ? ", " : ": ", parse_fmt_bytes(fo->bytes, b));
	log_info("a dump into %s: kill -USR1 %d, or gotrace-bpf ctl %d dump", f->naming.dir,
		 (int)getpid(), t->pid);
	if (f->s.throttle.on)
		log_info("watching may cost %s; to stay below, less is seen, and nothing for moments "
			 "(--max-overhead off: all is kept)",
			 throttle_asked(&f->o->budget, asked));
	if (!f->naming.unique)
		log_info("each dump replaces the one before: put %%n or %%t into the name to keep "
			 "all");
}

static int flight_watch(struct flight *f, struct diag *d)
{
	const struct flight_opts *fo = &f->o->flight;
	const struct raw_meta *m = &f->s.join.meta;

	if (!fo->cond_cnt)
		return 0;
	f->watch = watch_new(fo->conds, fo->cond_cnt,
			     (struct model_texts){ (const char *const *)m->block_reasons.v,
						   m->block_reasons.cnt },
			     (struct model_texts){ (const char *const *)m->stw_reasons.v,
						   m->stw_reasons.cnt });
	return f->watch ? 0 : diag_set(d, -ENOMEM, "no memory");
}

static int flight_begin(struct flight *f, int pid, struct diag *d)
{
	const struct flight_opts *fo = &f->o->flight;
	const char *calls[FLIGHT_CONDS];
	struct capture_opts co = { .ring_bytes = f->o->ring_bytes,
				   .syscalls = f->o->syscalls,
				   .plan = f->o->plan,
				   .steps = budget_asked_any(&f->o->budget),
				   .allow_traced = f->o->allow_traced,
				   .calls = calls };
	struct capture_sink sink = { .take = take_record, .ctx = f };
	int err;

	for (size_t i = 0; i < fo->cond_cnt; i++)
		if (fo->conds[i].kind == COND_CALL)
			calls[co.call_cnt++] = cond_func(&fo->conds[i]);
	/* First: a second recorder is told of the first one, not of its probes. */
	err = ctl_open(pid, &f->ctl, d);
	if (!err)
		err = session_open(&f->s, pid, &co, d);
	if (!err)
		err = flight_open_dumps(f, d);
	if (!err)
		err = flight_watch(f, d);
	if (err < 0)
		return err;
	ending_begin(&f->ending, pid);
	err = session_start(&f->s, &sink, &f->o->budget, d);
	progress_begin(&f->progress, f->s.capture, f->o->quiet,
		       f->s.armed_ns ? f->s.armed_ns : clock_mono_ns());
	if (err)
		return err;
	say_begin(f);
	flightmem_begin(f);
	(void)notify_send("READY=1\nSTATUS=recording");
	return 0;
}

/* ---- run ---- */

static void on_signals(struct flight *f)
{
	struct signalfd_siginfo si;
	struct diag d;

	while (read(f->s.signal_fd, &si, sizeof(si)) == sizeof(si)) {
		struct trigger t = { .at_ns = clock_mono_ns(), .reason = "signal" };
		uint64_t id;

		switch (si.ssi_signo) {
		case SIGUSR1:
			flight_note(f, f->s.polled_ns, "a dump was asked for by a signal");
			(void)flight_trigger(f, &t, &id);
			break;
		case SIGHUP:
			if (flight_open_dir(f, &d) < 0)
				log_error("%s; dumps go on into the folder that was open", d.text);
			else
				log_info("dumps go into %s as it is now", f->naming.dir);
			break;
		default:
			f->stop = true;
		}
	}
}

static int flight_loop(struct flight *f, struct diag *d)
{
	uint64_t start = clock_mono_ns();

	while (!f->stop) {
		struct pollfd fds[1 + CTL_FDS] = { { .fd = dump_fd(f->dump), .events = POLLIN } };
		size_t n = 1 + ctl_fds(f->ctl, fds + 1);
		struct genring_stat st;
		unsigned seen;
		int err = session_turn(&f->s, fds, n, &seen, d);

		if (err)
			return err;
		if (seen & SESSION_SIGNAL)
			on_signals(f);
		if (seen & SESSION_END)
			return 0;
		ctl_serve(f->ctl, fds + 1, n - 1, flight_ctl, f);
		flightmem_hold(f);
		tick(f);
		flight_dumps(f);
		if (f->progress.live) {
			genring_get_stat(f->ring, &st);
			progress_draw(&f->progress, &f->s, st.bytes, clock_mono_ns());
		}
		if (f->o->duration_ns && clock_mono_ns() - start >= f->o->duration_ns)
			return 0;
	}
	return 0;
}

/* ---- end ---- */

/* The last records, the last generation, the last dump. */
static int flight_end(struct flight *f, struct diag *d)
{
	char slug[ENDING_SLUG] = "stop", ended[160];
	struct genring_stat st;
	bool died, oom;
	int err;

	(void)notify_send("STOPPING=1\nSTATUS=ending");
	err = session_stop(&f->s, d);
	progress_clear(&f->progress);
	if (!err) {
		err = model_finish(f->s.join.model);
		if (err)
			session_failed(&f->s, err, d);
	}
	died = f->s.end == REC_END_EXIT || f->s.end == REC_END_EXEC;
	oom = ending_oom(&f->ending);
	if (died)
		ending_slug(f->s.end, f->s.status, oom, slug);
	ending_text(f->s.end, f->s.status, oom, ended, sizeof(ended));
	/* A trigger that was still waiting is kept, however this ends. */
	if (died || f->o->flight.dump_on_exit || f->q.state == TRIG_WAITING || f->q.have_next)
		(void)flight_last_dump(f, slug);
	else
		flight_wait_dump(f);
	genring_get_stat(f->ring, &st);
	progress_summary(&f->progress, &f->s,
			 f->last_path[0] ? f->last_path : NULL, f->dump_bytes, clock_mono_ns(),
			 ended);
	return err;
}

/* One process, from begin to end. *ret_began: it was recorded. */
static int flight_once(struct flight *f, int pid, bool *ret_began, struct diag *d)
{
	int err = flight_begin(f, pid, d), e;

	*ret_began = !err || (err == -ESRCH && f->s.armed_ns);
	if (!*ret_began)
		return err;
	if (err)
		f->s.end = REC_END_EXIT;
	else
		err = flight_loop(f, d);
	e = flight_end(f, err ? NULL : d);
	return err ? err : e;
}

/* Everything of one process; what is of the whole run stays. */
static void flight_reset(struct flight *f)
{
	int signal_fd = take_fd(&f->s.signal_fd);
	uint64_t ids = f->q.ids;
	struct rings_sums sums = { 0 };

	if (f->s.armed_ns)
		capture_sums(f->s.capture, &sums);
	f->lost += sums.lost;
	ctl_close(f->ctl);
	f->ctl = NULL;
	flight_close_dumps(f);
	watch_free(f->watch);
	f->watch = NULL;
	ending_done(&f->ending);
	session_done(&f->s);
	f->s.signal_fd = signal_fd;
	f->q = (struct triggers){ .ids = ids };
	f->mem = (struct flight_mem){ 0 };
	f->too_big = 0;
	f->told_short = false;
	f->ticked_ns = f->noted_ns = 0;
}

/* By name: one process after the other, until a signal. */
static int flight_follow(struct flight *f, struct diag *d)
{
	struct follow fo = { .comm = f->o->flight.comm, .exe = f->o->flight.exe };
	int pid, err;

	(void)notify_send("READY=1\nSTATUS=waiting for the process");
	while (!f->stop && (err = follow_wait(&fo, f->s.signal_fd, &pid, d)) != 0) {
		struct diag why = { 0 };
		bool began = false, execed;

		if (err < 0)
			return err;
		err = flight_once(f, pid, &began, &why);
		execed = f->s.end == REC_END_EXEC;
		flight_reset(f);
		if (!began && follow_again(&fo))
			continue;
		if (err)
			log_error("%s", why.text[0] ? why.text : strerror(-err));
		/* After exec it is the same process, and may have the same name again. */
		if (!execed)
			follow_leave(&fo);
	}
	return 0;
}

int flight_run(const struct options *o)
{
	struct flight f = { .o = o, .s.signal_fd = -1, .ending.events_fd = -1, .dirfd = -1 };
	struct diag d = { 0 };
	bool began;
	int err = naming_parse(o->out, &f.naming, &d);

	if (err < 0) {
		log_error("%s", d.text);
		return EXIT_USAGE;
	}
	err = flight_open_dir(&f, &d);
	if (!err)
		err = session_signals(&f.s, SIGUSR1, &d);
	if (!err)
		err = o->pid ? flight_once(&f, o->pid, &began, &d) : flight_follow(&f, &d);
	if (err)
		log_error("%s", d.text[0] ? d.text : strerror(-err));
	flight_reset(&f);
	session_done(&f.s);
	if (f.dirfd >= 0)
		close(f.dirfd);
	shelf_done(&f.shelf);
	if (err || f.failed)
		return EXIT_FAILED;
	return f.lost ? EXIT_LOSSES : EXIT_FINE;
}
