/*
 * profile.h - time by stack, as `go tool trace -pprof` counts it.
 *
 *	net      waiting for "network"            stack: where it blocked
 *	sync     waiting for chan, sync, select   "
 *	syscall  in syscalls                      where it was entered
 *	sched    runnable                         of what made it runnable
 *	cpu      CPU profile samples              where it was
 *
 * E1  A stint counts when it ends, by the stack of the event that began it; one that is open at the
 *     end does not count.
 * E2  What a goroutine did before it first ran does not count, unless it never runs.
 * E3  Stacks are equal by functions, files and lines (Go: by PCs, which a program's equal stacks
 *     share but for calls on one line).
 *
 * Source: Go 1.27 cmd/trace/pprof.go (pprofMatchingGoroutines, makeComputePprofFunc).
 */
#ifndef REPORT_PROFILE_H
#define REPORT_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "include/gotrace.h"
#include "report/intern.h"
#include "report/tab.h"

enum profile_kind {
	PROFILE_NET,
	PROFILE_SYNC,
	PROFILE_SYSCALL,
	PROFILE_SCHED,
	PROFILE_CPU,
	PROFILE_CNT,
};

/* Of the runtime's CPU profiler, 100 Hz unless the program changed it: a trace does not say. */
enum { PROFILE_CPU_PERIOD_NS = 10 * 1000 * 1000 };

struct profile_row {
	uint64_t key; /* the stack's number */
	uint64_t cnt;
	int64_t ns;
};

struct profile_goro; /* a goroutine that lives */

struct profile {
	enum profile_kind kind;
	struct intern in;
	struct tab rows; /* struct profile_row */
	struct map live; /* goroutine -> struct profile_goro */
	struct arena arena;
	struct profile_goro *free;
	int64_t first, last;
	bool failed;
};

/* "net", "sync", ... 0, or -EINVAL. */
int profile_kind_parse(const char *text, enum profile_kind *ret_kind);

/* 0 or -ENOMEM. */
int profile_init(struct profile *p, enum profile_kind kind);
void profile_done(struct profile *p);
void profile_feed(struct profile *p, const struct gotrace_event *ev);
/* 0 or -ENOMEM, of all that was. */
int profile_finish(struct profile *p);

#endif
