/*
 * groups.h - goroutines by entry function: where their time went.
 *
 * U1  exec + sched + syscall + sysblock + blocks + unknown is total, goroutine by goroutine, unless
 *     the parts are more than it (goros.h O2); ranges overlap them.
 */
#ifndef REPORT_GROUPS_H
#define REPORT_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "report/hist.h"
#include "report/longest.h"
#include "report/tab.h"

struct gostat {
	int64_t exec, sched, syscall, sysblock, total; /* ns */
	struct tally blocks, ranges;		       /* by reason, by range */
};

struct group {
	uint64_t name; /* the key; 0: no stack was seen */
	uint64_t cnt, ended;
	int64_t unknown;
	struct gostat st;
	struct hist *latency; /* owned; NULL: was never runnable */
};

struct groups {
	struct tab tab;
	struct longest lived; /* goroutines: ns total, start creation, extra running time */
	bool failed;
	bool (*wants)(void *ctx, uint32_t name); /* which names lived is about; NULL: all */
	void *ctx;
};

/* lived: how many goroutines are remembered one by one. 0 or -ENOMEM. */
int groups_init(struct groups *gs, size_t lived);
void groups_done(struct groups *gs);
void groups_restart(struct groups *gs);

/* A goroutine is over (ended), or the trace is; id joins those that are remembered one by one. */
void groups_add(struct groups *gs, uint32_t name, int64_t id, int64_t create, bool ended,
		const struct gostat *st);

/* A goroutine of this group waited ns to run. */
void groups_latency(struct groups *gs, uint32_t name, int64_t ns, int64_t at);

/* What no part accounts for; never negative. */
int64_t gostat_unknown(const struct gostat *st);
void gostat_done(struct gostat *st);

#endif
