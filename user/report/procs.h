/*
 * procs.h - how the processors (Ps) are used: over time, and when they idle.
 *
 *	waste    some P is idle while a goroutine could run
 *	quiet    no P runs at all
 *
 * C1  A gap's end is told with what came next: the goroutine that ran or became runnable first.
 * C2  gomaxprocs is what the trace says, or the number of Ps seen until it does.
 */
#ifndef REPORT_PROCS_H
#define REPORT_PROCS_H

#include <stdbool.h>
#include <stdint.h>

#include "report/goros.h"
#include "report/hist.h"
#include "report/longest.h"
#include "report/series.h"

enum procs_end {
	PROCS_END_OPEN,	   /* the trace's end */
	PROCS_END_UNBLOCK, /* g was woken */
	PROCS_END_CREATE,  /* g is new */
	PROCS_END_SYSCALL, /* g came back from a syscall */
	PROCS_END_RUN,	   /* g ran */
	PROCS_END_STOP,	   /* g stopped running */
	PROCS_END_UNKNOWN, /* no goroutine did anything after it */
};

/* One kind of gap. */
struct procs_gap {
	int64_t since; /* 0: none is open */
	int64_t ns;
	struct hist hist;
	/* g, name: what ended it; detail: the reason it had waited for; extra: enum procs_end. */
	struct longest longest;
	struct longest_item pending; /* ended, but by what is not known; ns 0: none */
};

struct procs {
	struct map state; /* P -> running */
	uint64_t running, max;
	bool max_said;
	struct series busy;	/* Ps that run goroutines or sit in syscalls */
	struct series runnable; /* goroutines that could run */
	struct procs_gap waste, quiet;
	bool failed;
};

/* keep: how many of the longest gaps are kept. 0 or -ENOMEM. */
int procs_init(struct procs *p, size_t keep);
void procs_done(struct procs *p);
void procs_restart(struct procs *p, int64_t t);

/* Takes any event; st is the stint that it ended, or NULL; gs has taken it already. */
void procs_feed(struct procs *p, const struct gotrace_event *ev, const struct stint *st,
		const struct goros *gs);
void procs_finish(struct procs *p, int64_t t);

#endif
