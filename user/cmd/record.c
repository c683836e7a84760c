#include "cmd/record.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "capture/capture.h"
#include "capture/rawfile.h"
#include "cmd/join.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/progress.h"

enum {
	POLL_MS = 10,		/* between two looks at the rings */
	EXEC_CHECK_MS = 250,
};

/* One recording, in all its phases; record_done is right in each. */
struct record {
	struct options o;
	struct capture *capture;
	struct join join;
	struct output out, raw_out;
	struct rawfile_writer *raw;
	struct progress progress;
	int signal_fd;
	char path[4096];
	struct diag diag;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int take_record(void *ctx, const struct rec *r)
{
	struct record *rc = ctx;

	if (rc->raw) {
		int err = rawfile_record(rc->raw, r);

		if (err < 0)
			return diag_set(&rc->diag, err, "%s: cannot write: %s", rc->o.capture,
					strerror(-err));
	}
	return model_record(rc->join.model, r);
}

/* SIGINT and SIGTERM come by descriptor; a second one then kills us as usual. */
static int signals_open(int *ret_fd, struct diag *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return diag_set(d, -errno, "cannot block signals: %s", strerror(errno));
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (*ret_fd < 0)
		return diag_set(d, -errno, "cannot take signals: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static void signals_default(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int record_files(struct record *rc, struct diag *d)
{
	const struct target *t = capture_target(rc->capture);
	int err;

	if (rc->o.out) {
		snprintf(rc->path, sizeof(rc->path), "%s", rc->o.out);
	} else {
		char stem[TARGET_NAME];

		target_file_stem(t, now_ns(CLOCK_REALTIME), stem);
		snprintf(rc->path, sizeof(rc->path), "%s.trace", stem);
	}
	err = output_open(&rc->out, rc->path, d);
	if (err < 0)
		return err;
	err = join_live(&rc->join, rc->capture, rc->o.format, rc->o.capture != NULL, &rc->out, d);
	if (err < 0 || !rc->o.capture)
		return err;
	err = output_open(&rc->raw_out, rc->o.capture, d);
	if (err < 0)
		return err;
	err = rawfile_create(rc->raw_out.fd, &rc->join.meta, &rc->raw);
	if (err < 0)
		return diag_set(d, err, "%s: cannot write: %s", rc->o.capture, strerror(-err));
	return 0;
}

/* What a failing poll or model left as its reason. */
static int record_failed(struct record *rc, int err, struct diag *d)
{
	if (rc->diag.text[0])
		*d = rc->diag;
	else if (rc->join.diag.text[0])
		*d = rc->join.diag;
	else if (!d->text[0])
		diag_set(d, err, "recording failed: %s", strerror(-err));
	return err;
}

/* Runs until the time is over, a signal, or the target's end. */
static int record_run(struct record *rc, enum rec_end *ret_end, struct diag *d)
{
	const struct target *t = capture_target(rc->capture);
	uint64_t start = now_ns(CLOCK_MONOTONIC), check = start;
	struct pollfd fds[2] = { { .fd = rc->signal_fd, .events = POLLIN },
				 { .fd = t->pidfd, .events = POLLIN } };

	for (;;) {
		uint64_t now = now_ns(CLOCK_MONOTONIC);
		int err = capture_poll(rc->capture, d);

		if (err)
			return record_failed(rc, err, d);
		progress_draw(&rc->progress, rc->capture, &rc->join, rc->out.bytes, now);
		if (rc->o.duration_ns && now - start >= rc->o.duration_ns)
			return 0;
		if (now - check >= EXEC_CHECK_MS * 1000000ULL) {
			check = now;
			if (target_check(t) == TARGET_EXECED) {
				*ret_end = REC_END_EXEC;
				return 0;
			}
		}
		/* A ring that fills is looked at again at once. */
		if (poll(fds, 2, capture_fill(rc->capture) > 0.125 ? 0 : POLL_MS) < 0 &&
		    errno != EINTR)
			return diag_set(d, -errno, "cannot wait: %s", strerror(errno));
		if (fds[0].revents) {
			struct signalfd_siginfo si;

			/* Taken from the queue: a pending one would kill us when unblocked. */
			while (read(rc->signal_fd, &si, sizeof(si)) > 0)
				;
			signals_default();
			return 0;
		}
		if (fds[1].revents) {
			*ret_end = REC_END_EXIT;
			return 0;
		}
	}
}

static void end_text(const struct record *rc, enum rec_end end, int status, char *ret, size_t cap)
{
	(void)rc;
	if (end == REC_END_EXEC)
		snprintf(ret, cap, "the process replaced itself (exec)");
	else if (end != REC_END_EXIT)
		snprintf(ret, cap, "%s", "");
	else if (status < 0)
		snprintf(ret, cap, "the process ended");
	else if (WIFSIGNALED(status))
		snprintf(ret, cap, "the process was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(ret, cap, "the process exited with status %d", WEXITSTATUS(status));
}

/* Model, capture file, final names. Whatever fails, the rest is still tried. */
static int record_close(struct record *rc, struct diag *d)
{
	int err = model_finish(rc->join.model), e;

	if (err)
		return record_failed(rc, err, d);
	if (rc->raw) {
		struct buf syms = { 0 };

		symbols_save(rc->join.symbols, &syms);
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
	join_done(&rc->join);
	capture_free(rc->capture);
	if (rc->signal_fd >= 0)
		close(rc->signal_fd);
}

static int record_start(struct record *rc, struct diag *d)
{
	struct capture_opts co = { .ring_bytes = rc->o.ring_bytes,
				   .no_syscalls = rc->o.no_syscalls,
				   .allow_traced = rc->o.allow_traced };
	struct capture_sink sink = { .take = take_record, .ctx = rc };
	struct diag warn;
	unsigned pos = 0;
	int err = capture_open(rc->o.pid, &co, &rc->capture, d);

	if (err < 0)
		return err;
	while (target_warn_next(capture_target(rc->capture), &pos, &warn))
		log_warn("%s", warn.text);
	err = signals_open(&rc->signal_fd, d);
	if (!err)
		err = record_files(rc, d);
	if (!err)
		err = capture_start(rc->capture, &sink, d);
	if (err < 0)
		return err;
	progress_begin(&rc->progress, rc->capture, rc->o.quiet, now_ns(CLOCK_MONOTONIC));
	err = capture_snapshot(rc->capture, d);
	return err ? record_failed(rc, err, d) : 0;
}

static int record_all(struct record *rc, struct diag *d)
{
	enum rec_end end = REC_END_ASKED;
	char ended[128];
	int err, stop_err, status = -1;
	uint64_t now;

	err = record_start(rc, d);
	if (err == -ESRCH && rc->join.model) {
		/* It ended while we began: what was seen is kept. */
		end = REC_END_EXIT;
		err = 0;
	} else if (err < 0) {
		return err;
	} else {
		err = record_run(rc, &end, d);
	}
	now = now_ns(CLOCK_MONOTONIC);
	progress_clear(&rc->progress);
	if (end == REC_END_EXIT && target_exit_status(capture_target(rc->capture), &status) < 0)
		status = -1;
	stop_err = capture_stop(rc->capture, end, status, err ? NULL : d);
	if (err)
		return err;
	if (stop_err)
		return record_failed(rc, stop_err, d);
	err = record_close(rc, d);
	if (err)
		return err;
	end_text(rc, end, status, ended, sizeof(ended));
	progress_summary(&rc->progress, rc->capture, &rc->join,
			 rc->out.is_stdout ? NULL : rc->path, rc->out.bytes, now, ended);
	return 0;
}

int cmd_record(int argc, char **argv)
{
	struct record rc = { .signal_fd = -1, .out.fd = -1, .raw_out.fd = -1 };
	struct rings_sums sums = { 0 };
	struct diag d = { 0 };
	int err = options_record(argc, argv, &rc.o, &d);

	if (err < 0) {
		log_error("%s", d.text);
		return EXIT_USAGE;
	}
	log_set_level(rc.o.quiet ? LOG_ERROR : rc.o.verbose ? LOG_DEBUG : LOG_INFO);
	err = record_all(&rc, &d);
	if (err)
		log_error("%s", d.text[0] ? d.text : strerror(-err));
	else
		capture_sums(rc.capture, &sums);
	record_done(&rc);
	if (err)
		return EXIT_FAILED;
	return sums.lost ? EXIT_LOSSES : EXIT_FINE;
}
