/*
 * mmu.h - minimum mutator utilisation: the least share of the Ps that the program itself had, over
 * all windows of a length.
 *
 * The utilisation is a step function: 0 while the GC stops the world, else the share of Ps that are
 * not in a mark assist and do not run a background mark worker (idle workers do not count). The
 * worst window of a length begins or ends at a step, so looking at those is exact.
 *
 * V1  Steps older than the longest window are forgotten. More than a million of them inside of it
 *     are not all looked at: coarse.
 * V2  Unlike Go 1.27 internal/trace/gc.go, a mark worker counts from its label until it stops
 *     running, and not again when it is next started; and an assist that is met on its way is
 *     counted from when it is met.
 */
#ifndef REPORT_MMU_H
#define REPORT_MMU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "include/gotrace.h"
#include "report/goros.h"

enum { MMU_WINDOWS = 7 };
extern const int64_t mmu_windows[MMU_WINDOWS]; /* ns, rising */

struct mmu_step {
	int64_t t;
	double util, before; /* from t on; its integral up to t, in ns */
};

struct mmu {
	struct mmu_step *steps;	     /* owned; a ring */
	size_t cap, head, cnt;	     /* cap is 0 or a power of two */
	uint64_t first;		     /* number of the oldest step; they count from 0 */
	uint64_t left[MMU_WINDOWS];  /* number of the first step that no window began at yet */
	double min[MMU_WINDOWS];     /* of whole windows; > 1: there was none */
	int64_t min_at[MMU_WINDOWS]; /* where that window begins */
	double mean;		     /* of all; set by finish */
	int64_t begin;		     /* 0: gomaxprocs is not known yet */
	uint64_t procs;
	unsigned stw;
	struct map workers; /* goroutines that work for the GC now -> 1 */
	struct map assists; /* goroutines in an assist -> 1 if running now, else 0 */
	uint64_t gc_ps;	    /* Ps that they run on */
	bool coarse, failed;
};

void mmu_init(struct mmu *m);
void mmu_done(struct mmu *m);
void mmu_restart(struct mmu *m, int64_t t);
void mmu_feed(struct mmu *m, const struct gotrace_event *ev, const struct stint *st,
	      const struct goros *gs);
void mmu_finish(struct mmu *m, int64_t t);

#endif
