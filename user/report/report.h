/*
 * report.h - one pass over a trace, all analyses: what the page and the JSON are made of.
 *
 *	gotrace_next -> goros (stints) -> sites, wakes, pools, slowest, life
 *	             -> procs, gc, mmu, user
 *
 * R1  Memory is a generation, the goroutines that live, and results; never the events.
 * R2  A window [from, to) is exact: what is going on at its edges counts inside only.
 * R3  --group narrows what is about goroutines; processors and GC are always the whole program's.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/gotrace.h"
#include "report/gc.h"
#include "report/goros.h"
#include "report/groups.h"
#include "report/intern.h"
#include "report/life.h"
#include "report/mmu.h"
#include "report/pools.h"
#include "report/procs.h"
#include "report/sites.h"
#include "report/slowest.h"
#include "report/user.h"
#include "report/wakes.h"

struct report_opts {
	bool has_from, has_to;
	int64_t from_ns, to_ns; /* since the trace's first event */
	const char *group;	/* NULL: all; else goroutines whose entry function contains it */
	int64_t goroutine;	/* whose life is wanted, or GOTRACE_NO_GOROUTINE */
	size_t top;		/* rows of a list that are to be kept one by one */
	size_t slowest;		/* the longest of each kind to keep; 0: none */
};

struct report {
	struct report_opts opts;
	struct intern in;
	struct groups groups;
	struct goros goros;
	struct sites sites;
	struct wakes wakes;
	struct pools pools;
	struct procs procs;
	struct gc gc;
	struct mmu mmu;
	struct user user;
	struct slowest slowest;
	struct life life;

	int64_t first;	    /* the trace's first event */
	int64_t begin, end; /* of what is reported */
	uint64_t events;    /* in it */
	uint64_t samples;   /* CPU samples */
	bool inside, over;
	bool has_clock; /* of the first generation that has one */
	struct gotrace_clock clock;
	int64_t quiet_ns, quiet_at; /* the longest time without any event */
	int64_t last;
	uint8_t *match; /* owned; by name: 0 not asked yet, 1 no, 2 yes */
	size_t match_cap;

	struct gotrace_info info;   /* set by report_read */
	struct gotrace_error error; /* what ended the reading; code 0: the end */
};

/* opts' texts are borrowed. 0 and *ret_r, for report_free; or -ENOMEM. */
int report_new(const struct report_opts *opts, struct report **ret_r);
void report_free(struct report *r);

/*
 * Takes all events of t, up to the window's end, and sums up. 0: done, whether whole or damaged
 * (r->error); -ENOMEM. Call once.
 */
int report_read(struct report *r, struct gotrace *t);

/* Does a goroutine of this name belong to what --group asked for? */
bool report_wants(struct report *r, uint32_t name);

#endif
