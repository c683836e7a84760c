#include "cmd/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/procfs.h"

enum { EXEC_CHECK_MS = 250 };

int session_signals(struct session *s, int extra, struct diag *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (extra)
		sigaddset(&set, extra);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return diag_set(d, -errno, "cannot block signals: %s", strerror(errno));
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		return diag_set(d, -errno, "cannot take signals: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

int session_open(struct session *s, int pid, const struct capture_opts *opts, struct diag *d)
{
	struct diag warn;
	unsigned pos = 0;
	int err = capture_open(pid, opts, &s->capture, d);

	if (err < 0)
		return err;
	while (target_warn_next(capture_target(s->capture), &pos, &warn))
		log_warn("%s", warn.text);
	return 0;
}

int session_failed(struct session *s, int err, struct diag *d)
{
	if (!d)
		return err;
	if (s->diag.text[0])
		*d = s->diag;
	else if (s->join.diag.text[0])
		*d = s->join.diag;
	else if (!d->text[0])
		diag_set(d, err, "recording failed: %s", strerror(-err));
	return err;
}

/* What it costs by now, and whether that is too much. */
static int session_hold(struct session *s, uint64_t now, struct diag *d)
{
	uint64_t cpu;

	if (target_cpu_ns(capture_target(s->capture), &cpu) == 0)
		s->cpu_ns = cpu;
	toll_update(&s->toll, s->capture, model_get_stats(s->join.model), now, s->cpu_ns);
	return throttle_turn(&s->throttle, &s->toll, s->capture,
			     &(struct throttle_time){ .now_ns = now, .cpu_ns = s->cpu_ns }, d);
}

/*
 * Kept from the CPU by a target that wants all of them, it would lose records and notice late what it
 * costs: it goes before others from now on, if it may, and if nobody chose another priority for it.
 */
static void session_hasten(struct session *s)
{
	if (s->hastened)
		return;
	s->hastened = true;
	errno = 0;
	if (getpriority(PRIO_PROCESS, 0) != 0 || errno)
		return;
	if (setpriority(PRIO_PROCESS, 0, SESSION_NICE) < 0)
		log_debug("kept from the CPU; cannot go before others: %s", strerror(errno));
	else
		log_debug("kept from the CPU: nice %d from now on", SESSION_NICE);
	s->ahead = getpriority(PRIO_PROCESS, 0) == SESSION_NICE;
}

/* How long this thread ran, and waited for a CPU when it could have run (the kernel's sched-stats.rst), ns. */
static bool sched_times(uint64_t *ran, uint64_t *waited)
{
	char text[64], *end;

	if (procfs_read(AT_FDCWD, "/proc/thread-self/schedstat", text, sizeof(text)) <= 0)
		return false;
	*ran = strtoull(text, &end, 10);
	*waited = strtoull(end, NULL, 10);
	return true;
}

/* Did it get less than a quarter of a CPU when it wanted one? */
static bool starved(void)
{
	uint64_t ran, waited;

	return sched_times(&ran, &waited) && waited > SESSION_LATE_NS && waited > 3 * ran;
}

/* Waits as poll does; kept: it woke late, and because others had the CPU. */
static int session_wait(const struct session *s, struct pollfd *fds, size_t n, int ms, bool *kept)
{
	uint64_t ran, before = 0, after, due;
	bool known = !s->hastened && sched_times(&ran, &before);
	int got;

	due = clock_mono_ns() + (uint64_t)ms * 1000000ULL;
	got = poll(fds, n, ms);
	*kept = known && clock_mono_ns() > due + SESSION_LATE_NS && sched_times(&ran, &after) &&
		after - before > SESSION_LATE_NS;
	return got;
}

/* The rest has time. */
static void session_rest(struct session *s)
{
	if (s->ahead && getpriority(PRIO_PROCESS, 0) == SESSION_NICE)
		setpriority(PRIO_PROCESS, 0, 0);
	s->ahead = false;
}

int session_start(struct session *s, const struct capture_sink *sink,
		  const struct budget_asked *budget, struct diag *d)
{
	int err = capture_start(s->capture, sink, d);

	if (err < 0)
		return err;
	/*
	 * Not before: the kernel verifies the programs in one go, which the target would wait for. Nor later:
	 * rings can be full before this thread has a CPU again.
	 */
	if (starved())
		session_hasten(s);
	err = capture_arm(s->capture);
	if (err)
		return session_failed(s, err, d);
	s->armed_ns = s->exec_check_ns = clock_mono_ns();
	err = capture_snapshot(s->capture, d);
	throttle_begin(&s->throttle, budget, s->capture);
	return err ? session_failed(s, err, d) : 0;
}

/* A process that ended shows it by its pidfd; exec must be asked for. */
static bool session_execed(struct session *s)
{
	uint64_t now = clock_mono_ns();

	if (capture_execed(s->capture))
		return true;
	if (now - s->exec_check_ns < EXEC_CHECK_MS * 1000000ULL)
		return false;
	s->exec_check_ns = now;
	return target_check(capture_target(s->capture)) == TARGET_EXECED;
}

int session_turn(struct session *s, struct pollfd *fds, size_t n, unsigned *ret_seen,
		 struct diag *d)
{
	struct pollfd all[SESSION_FDS + 2];
	uint64_t now = clock_mono_ns();
	int err = capture_poll(s->capture, d);
	bool now_again = s->hurry, kept;

	if (err)
		return session_failed(s, err, d);
	s->polled_ns = now;
	s->hurry = false;
	*ret_seen = 0;
	if (session_execed(s)) {
		s->end = REC_END_EXEC;
		*ret_seen = SESSION_END;
		return 0;
	}
	err = session_hold(s, now, d);
	/* If it ended under our hands the pidfd says so below. */
	if (err && target_check(capture_target(s->capture)) == TARGET_RUNNING)
		return session_failed(s, err, d);
	all[0] = (struct pollfd){ .fd = s->signal_fd, .events = POLLIN };
	all[1] = (struct pollfd){ .fd = capture_target(s->capture)->pidfd, .events = POLLIN };
	if (n > SESSION_FDS)
		n = SESSION_FDS;
	if (n)
		memcpy(all + 2, fds, n * sizeof(*fds));
	/* A ring that fills is looked at again at once. */
	if (capture_fill(s->capture) > 0.125) {
		session_hasten(s);
		now_again = true;
	}
	if (session_wait(s, all, n + 2, now_again ? 0 : SESSION_POLL_MS, &kept) < 0) {
		if (errno != EINTR)
			return diag_set(d, -errno, "cannot wait: %s", strerror(errno));
		for (size_t i = 0; i < n + 2; i++)
			all[i].revents = 0;
	}
	if (kept)
		session_hasten(s);
	if (n)
		memcpy(fds, all + 2, n * sizeof(*fds));
	if (all[0].revents)
		*ret_seen |= SESSION_SIGNAL;
	if (all[1].revents) {
		s->end = REC_END_EXIT;
		*ret_seen |= SESSION_END;
	}
	return 0;
}

int session_stop(struct session *s, struct diag *d)
{
	int err;

	s->status = -1;
	if (s->end == REC_END_EXIT &&
	    target_exit_status(capture_target(s->capture), &s->status) < 0)
		s->status = -1;
	err = capture_stop(s->capture, s->end, s->status, d);
	session_rest(s);
	if (s->join.model)
		toll_update(&s->toll, s->capture, model_get_stats(s->join.model),
			    clock_mono_ns(), s->cpu_ns);
	return err ? session_failed(s, err, d) : 0;
}

void session_done(struct session *s)
{
	session_rest(s); /* of one that was never stopped, as its start failed */
	join_done(&s->join);
	capture_free(s->capture);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	*s = (struct session){ .signal_fd = -1 };
}
