/*
 * gc.h - the garbage collector: mark phases, stops of the world with who came last, assists,
 * sweeps, the heap and its goal over time.
 *
 * Y1  A stop's begin is when the runtime asks for it. Until the last running goroutine or P has
 *     stopped, it is stopping: that last one is the straggler. The rest is the stop's work.
 *     (Go 1.27 runtime/proc.go, stopTheWorldWithSema: the range begins before the preemption.)
 */
#ifndef REPORT_GC_H
#define REPORT_GC_H

#include "report/goros.h"
#include "report/hist.h"
#include "report/longest.h"
#include "report/series.h"
#include "report/slowest.h"
#include "report/tab.h"

struct gc_stw {
	uint64_t key;	   /* the range's name */
	struct hist *hist; /* owned */
	int64_t stopping;  /* of hist->sum */
	int64_t stopping_max;
};

struct gc_assist {
	uint64_t key; /* the group's name */
	uint64_t cnt;
	int64_t ns, max;
};

struct gc {
	/* What is open. */
	int64_t cycle_since;	     /* 0: no mark phase */
	int64_t stw_since, stw_last; /* 0: none; when the newest goroutine or P stopped */
	uint32_t stw_name;
	int64_t stw_g, stw_late; /* who asked; who came last, or -1 */
	uint32_t stw_late_name, stw_late_stack;
	struct map assists, sweeps; /* goroutine, P -> begin */

	struct hist cycles;   /* mark phases */
	struct tab stws;      /* struct gc_stw */
	struct longest stops; /* as SLOWEST_STW */
	struct tab assisted;  /* struct gc_assist */
	int64_t assist_ns, sweep_ns;
	uint64_t assist_cnt, sweep_cnt, swept_bytes, reclaimed_bytes;
	struct series heap, goal; /* bytes */
	uint64_t heap_last, heap_max, goal_last, goal_max;
	bool failed;
};

/* keep: how many of the longest stops are kept. 0 or -ENOMEM. */
int gc_init(struct gc *gc, size_t keep);
void gc_done(struct gc *gc);
void gc_restart(struct gc *gc, int64_t t);
/* Any event, after gs took it; st: the stint that it ended, or NULL; slow gets what is over. */
void gc_feed(struct gc *gc, const struct gotrace_event *ev, const struct stint *st,
	     const struct goros *gs, struct slowest *slow);
void gc_finish(struct gc *gc, int64_t t);

#endif
