#include "cmd/record.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "capture/capture.h"
#include "capture/rawfile.h"
#include "cmd/ending.h"
#include "cmd/flight.h"
#include "cmd/follow.h"
#include "cmd/join.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/progress.h"
#include "cmd/session.h"

/* One recording, in all its phases; record_done is right in each. */
struct record {
	struct options o;
	struct session s;
	struct ending ending;
	struct output out, raw_out;
	struct rawfile_writer *raw;
	struct progress progress;
	char path[4096];
};

static int take_record(void *ctx, const struct rec *r)
{
	struct record *rc = ctx;

	if (rc->raw) {
		int err = rawfile_record(rc->raw, r);

		if (err < 0)
			return diag_set(&rc->s.diag, err, "%s: cannot write: %s", rc->o.capture,
					strerror(-err));
	}
	return model_record(rc->s.join.model, r);
}

/* A signal that comes so soon after the first is the same one: timeout(1) tells us, and then our group. */
#define SECOND_SIGNAL_NS 300000000ULL

static const struct record *aborted;
static uint64_t first_signal_ns;

static void on_second_signal(int sig)
{
	if (clock_mono_ns() - first_signal_ns < SECOND_SIGNAL_NS)
		return;
	if (aborted->out.tmp)
		unlink(aborted->out.tmp);
	if (aborted->raw_out.tmp)
		unlink(aborted->raw_out.tmp);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* The first signal ends the recording; a second one then kills us as usual, and nothing is left. */
static void signals_second(const struct record *rc)
{
	struct sigaction sa = { .sa_handler = on_second_signal, .sa_flags = SA_RESTART };
	sigset_t set;

	aborted = rc;
	first_signal_ns = clock_mono_ns();
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int record_files(struct record *rc, struct diag *d)
{
	const struct target *t = capture_target(rc->s.capture);
	struct join_opts jo = { .format = rc->o.format, .keep_symbols = rc->o.capture != NULL,
				.out = &rc->out };
	int err;

	if (rc->o.out) {
		snprintf(rc->path, sizeof(rc->path), "%s", rc->o.out);
	} else {
		char stem[TARGET_NAME];

		target_file_stem(t, clock_ns(CLOCK_REALTIME), stem);
		snprintf(rc->path, sizeof(rc->path), "%s.trace", stem);
	}
	err = output_open(&rc->out, rc->path, d);
	if (err < 0)
		return err;
	err = join_live(&rc->s.join, rc->s.capture, &jo, d);
	if (err < 0 || !rc->o.capture)
		return err;
	err = output_open(&rc->raw_out, rc->o.capture, d);
	if (err < 0)
		return err;
	err = rawfile_create(rc->raw_out.fd, &rc->s.join.meta, &rc->raw);
	if (err < 0)
		return diag_set(d, err, "%s: cannot write: %s", rc->o.capture, strerror(-err));
	return 0;
}

/* Runs until the time is over, a signal, or the target's end. */
static int record_run(struct record *rc, struct diag *d)
{
	uint64_t start = clock_mono_ns();

	for (;;) {
		unsigned seen;
		uint64_t now = clock_mono_ns();
		int err = session_turn(&rc->s, NULL, 0, &seen, d);

		if (err)
			return err;
		progress_draw(&rc->progress, &rc->s, rc->out.bytes, now);
		if (rc->o.duration_ns && now - start >= rc->o.duration_ns)
			return 0;
		if (seen & SESSION_SIGNAL) {
			struct signalfd_siginfo si;

			/* Taken from the queue: a pending one would kill us when unblocked. */
			while (read(rc->s.signal_fd, &si, sizeof(si)) > 0)
				;
			signals_second(rc);
			return 0;
		}
		if (seen & SESSION_END)
			return 0;
	}
}

/* Model, capture file, final names. Whatever fails, the rest is still tried. */
static int record_close(struct record *rc, struct diag *d)
{
	int err = join_finish(&rc->s.join, d), e;

	if (err)
		return err;
	if (rc->raw) {
		struct buf syms = { 0 };

		symbols_save(rc->s.join.symbols, &syms);
		e = syms.failed ? -ENOMEM : rawfile_finish(rc->raw, syms.p, syms.len);
		buf_done(&syms);
		if (e < 0)
			err = diag_set(d, e, "%s: cannot write: %s", rc->o.capture, strerror(-e));
		else
			err = output_commit(&rc->raw_out, d);
	}
	e = output_commit(&rc->out, d);
	return err ? err : e;
}

static void record_done(struct record *rc)
{
	rawfile_free(rc->raw);
	output_done(&rc->raw_out);
	output_done(&rc->out);
	ending_done(&rc->ending);
	session_done(&rc->s);
}

/* By name. A process that has just begun may not be Go's runtime yet: it is given a moment. */
static int record_find(struct record *rc, struct diag *d)
{
	struct follow fo = { .comm = rc->o.flight.comm, .exe = rc->o.flight.exe };
	int err = follow_wait(&fo, rc->s.signal_fd, &rc->o.pid, d);

	if (err == 0)
		return diag_set(d, -ECANCELED, "ended before such a process was there");
	return err < 0 ? err : 0;
}

static int record_start(struct record *rc, struct diag *d)
{
	struct capture_opts co = { .ring_bytes = rc->o.ring_bytes,
				   .syscalls = rc->o.syscalls,
				   .plan = rc->o.plan,
				   .steps = budget_asked_any(&rc->o.budget),
				   .allow_traced = rc->o.allow_traced };
	struct capture_sink sink = { .take = take_record, .ctx = rc };
	int err = session_signals(&rc->s, 0, d);

	signal(SIGUSR1, SIG_IGN); /* what a flight recorder is asked with must not kill */
	if (!err && !rc->o.pid)
		err = record_find(rc, d);
	if (!err)
		err = session_open(&rc->s, rc->o.pid, &co, d);
	if (!err)
		err = record_files(rc, d);
	if (err < 0)
		return err;
	ending_begin(&rc->ending, rc->o.pid);
	err = session_start(&rc->s, &sink, &rc->o.budget, d);
	progress_begin(&rc->progress, rc->s.capture, rc->o.quiet,
		       rc->s.armed_ns ? rc->s.armed_ns : clock_mono_ns());
	return err;
}

static int record_all(struct record *rc, struct diag *d)
{
	char ended[128];
	int err, stop_err;
	uint64_t now;

	err = record_start(rc, d);
	if (err == -ESRCH && rc->s.join.model) {
		/* It ended while we began: what was seen is kept. */
		rc->s.end = REC_END_EXIT;
		err = 0;
	} else if (err < 0) {
		return err;
	} else {
		err = record_run(rc, d);
	}
	now = clock_mono_ns();
	progress_clear(&rc->progress);
	stop_err = session_stop(&rc->s, err ? NULL : d);
	if (err)
		return err;
	if (stop_err)
		return stop_err;
	err = record_close(rc, d);
	if (err)
		return err;
	ending_text(rc->s.end, rc->s.status, ending_oom(&rc->ending), ended, sizeof(ended));
	progress_summary(&rc->progress, &rc->s,
			 rc->out.is_stdout ? NULL : rc->path, rc->out.bytes, now, ended);
	return 0;
}

int cmd_record(int argc, char **argv)
{
	struct record rc = { .s.signal_fd = -1, .ending.events_fd = -1, .out.fd = -1, .raw_out.fd = -1 };
	struct rings_sums sums = { 0 };
	struct diag d = { 0 };
	int err = options_record(argc, argv, &rc.o, &d);

	if (err < 0) {
		log_error("%s", d.text);
		return EXIT_USAGE;
	}
	log_set_level(rc.o.quiet ? LOG_ERROR : rc.o.verbose ? LOG_DEBUG : LOG_INFO);
	if (rc.o.flight.on)
		return flight_run(&rc.o);
	err = record_all(&rc, &d);
	if (err)
		log_error("%s", d.text[0] ? d.text : strerror(-err));
	else
		capture_sums(rc.s.capture, &sums);
	record_done(&rc);
	if (err)
		return EXIT_FAILED;
	return sums.lost ? EXIT_LOSSES : EXIT_FINE;
}
