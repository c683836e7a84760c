/*
 * session.h - one process being recorded: what a recording into a file and a flight recorder share.
 *
 *	session_open   signals, identify the process, warn: touches nothing
 *	session_start  load, attach, arm, snapshot
 *	session_turn   again and again: records, then a short wait
 *	session_stop   disarm, detach, the last records
 *	session_done   in any phase
 *
 * The caller makes s->join between open and start: it knows where generations go.
 */
#ifndef CMD_SESSION_H
#define CMD_SESSION_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "capture/capture.h"
#include "cmd/join.h"
#include "cmd/options.h"
#include "cmd/throttle.h"
#include "cmd/toll.h"

enum {
	SESSION_POLL_MS = 10, /* between two looks at the rings */
	SESSION_LATE_NS = 20000000, /* so much later than that: others are in its way */
	SESSION_NICE = -15,   /* its own priority from then on */
	SESSION_FDS = 24,     /* descriptors that a caller may wait for besides */
};

struct session {
	struct capture *capture; /* owned */
	struct join join;	 /* owned */
	int signal_fd;		 /* owned, -1: none */
	uint64_t armed_ns;	 /* CLOCK_MONOTONIC, 0: not yet */
	uint64_t exec_check_ns;
	uint64_t polled_ns; /* all records before this were delivered */
	uint64_t cpu_ns; /* the target's, when it was looked at last */
	struct toll toll;
	struct throttle throttle;
	bool hurry;	    /* the next turn does not wait */
	bool hastened;	    /* it was kept from the CPU (session_hasten) */
	bool ahead;	    /* ... and goes before others since, until session_rest */
	enum rec_end end;   /* why it ended, as far as known */
	int status;	    /* how the process ended (wait(2)), -1 unknown */
	struct diag diag;   /* what the sink left as its reason */
};

/* What a turn found. */
enum session_seen {
	SESSION_SIGNAL = 1 << 0, /* signal_fd can be read */
	SESSION_END = 1 << 1,	 /* the process ended or execed: s->end says which */
};

/* SIGINT, SIGTERM and SIGHUP, and extra if not 0, come by descriptor. 0 or an error. */
int session_signals(struct session *s, int extra, struct diag *d);

/* Opens process pid as capture_open does and logs what is odd about it. */
int session_open(struct session *s, int pid, const struct capture_opts *opts, struct diag *d);

/* Arms, takes the snapshot, and holds the budget from then on. -ESRCH: it ended meanwhile; what was seen counts. */
int session_start(struct session *s, const struct capture_sink *sink,
		  const struct budget_asked *budget, struct diag *d);

/*
 * Delivers what is there, then waits up to SESSION_POLL_MS (not at all when a ring fills) for the
 * process, signals, or one of n descriptors. *ret_seen: enum session_seen.
 */
int session_turn(struct session *s, struct pollfd *fds, size_t n, unsigned *ret_seen,
		 struct diag *d);

/* Ends the capture: status is learnt, the last records are delivered. */
int session_stop(struct session *s, struct diag *d);

/* Puts the sentence of whoever failed into d; returns err. */
int session_failed(struct session *s, int err, struct diag *d);

void session_done(struct session *s);

#endif
