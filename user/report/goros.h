/*
 * goros.h - what every goroutine is doing, and for how long it has been: events to stints.
 *
 *	event            g1 --runnable--+--running----+--waiting "chan send"--+--runnable--
 *	stint given                     ^ runnable    ^ running               ^ waiting
 *
 * A stint is a goroutine's time in one state; it is given when the state ends.
 *
 * O1  Memory is that of the goroutines that live: one that ends goes to its group and is freed.
 * O2  Times per goroutine are those of Go's summary, state by state and quirk by quirk: a goroutine
 *     that is met first had its state since the generation's start; a syscall runs until its P goes
 *     idle, then it blocks; at the end of the trace that blocked part is counted as waiting to be
 *     scheduled on top of the syscall; "forever" ends a goroutine.
 * O3  A goroutine's name is the outermost function of the first stack that a transition gave it.
 *
 * Source: Go 1.27 internal/trace/summary.go.
 */
#ifndef REPORT_GOROS_H
#define REPORT_GOROS_H

#include <stdbool.h>
#include <stdint.h>

#include "include/gotrace.h"
#include "report/groups.h"
#include "report/intern.h"
#include "report/tab.h"

struct goro {
	int64_t id;
	uint32_t name;		    /* 0: not known */
	uint32_t reason, stack;	    /* of the state that it is in */
	uint8_t state;		    /* enum gotrace_go_state */
	bool clipped;		    /* the state began before it was seen */
	bool forever;		    /* waits so */
	int64_t since;		    /* when the state began */
	int64_t from;		    /* from when the state is yet to be accounted for */
	int64_t sysblock;	    /* when its P left it in the syscall; 0: it did not */
	int64_t sysproc;	    /* the P it had when the syscall began */
	int64_t create, start, end; /* start: first run; 0: none yet */
	struct gostat st;
	struct tally active; /* ranges that are open: name, begin */
	struct goro *next_free;
};

struct stint {
	const struct goro *g; /* good until the next event; already in its next state */
	int64_t start, end;
	uint8_t state, next;	/* enum gotrace_go_state */
	bool clipped;		/* began before start */
	uint32_t reason, stack; /* with which the state began; interned, 0: none */
};

struct goros {
	struct intern *in;		 /* borrowed */
	struct groups *groups;		 /* borrowed */
	struct map live;		 /* id -> struct goro */
	struct map syscall_ps, range_ps; /* P -> goroutine in a syscall; (P, range) -> goroutine */
	struct arena arena;
	struct goro *free;
	uint32_t forever;			 /* the name */
	uint64_t counts[GOTRACE_GO_STATE_COUNT]; /* live goroutines by state */
	uint64_t seen, created, ended, live_max;
	int64_t sync, last;
	bool failed;
};

void goros_init(struct goros *gs, struct intern *in, struct groups *groups);
void goros_done(struct goros *gs);

/* Takes an event. 1 and a stint that it ended, else 0. */
int goros_feed(struct goros *gs, const struct gotrace_event *ev, struct stint *ret_stint);

/* What was summed up is forgotten; what is going on counts from t. */
void goros_restart(struct goros *gs, int64_t t);

/* The trace ends at t: every goroutine goes to its group. Call once. */
void goros_finish(struct goros *gs, int64_t t);

/* NULL if it does not live (and for "none"). */
static inline const struct goro *goros_find(const struct goros *gs, int64_t id)
{
	const uint64_t *v = map_find(&gs->live, (uint64_t)id);

	return v ? (const struct goro *)(uintptr_t)*v : NULL;
}

/* Its name, or 0. */
static inline uint32_t goros_name(const struct goros *gs, int64_t id)
{
	const struct goro *g = id < 0 ? NULL : goros_find(gs, id);

	return g ? g->name : 0;
}

#endif
