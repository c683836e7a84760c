/*
 * budget.h - how much watching may cost, and what is left out to stay below it. No I/O, no clock: what
 * was measured comes in, the rung to stand on comes out.
 *
 * B1  The cost is the CPU time that hits add, as a part of the target's own: its CPU time without
 *     them. Who uses less than a tenth of one CPU is taken to use that (BUDGET_FLOOR): a process
 *     that sleeps is not worth a step down.
 * B2  What a rung would cost is known from the hits of its parts: those attached now as measured in
 *     the last window, those not attached as they were when they were, by the target's own CPU time
 *     then and now, and fading (half in FADE_NS), so that after a while it is tried again.
 * B3  Down: when a window costs more than allowed, and either much more (three times), or what was
 *     overspent lately is more than a quarter second's budget; to the first rung that would cost less than
 *     nine tenths of it; if no rung would, to PAUSED.
 * B4  Up: to a rung that in every window of the last seconds would have cost less than seven tenths.
 *     A step up that did not last doubles these seconds.
 * B5  PAUSED lasts until what was spent over the budget is made up for, and a second at least; then
 *     comes a look: the first rung for a window, and as many more as a pause of a second makes up
 *     for. So the mean stays below the budget whatever a look costs. A look that needs no pause ends
 *     it, and so do two in a row after which a lower rung would be cheap enough.
 */
#ifndef CAPTURE_BUDGET_H
#define CAPTURE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/plan.h"

struct budget_opts {
	double max_share;     /* cost by own CPU time: 0.05 is 5 %; 0: no bound */
	uint64_t max_rate;    /* hits a second; 0: no bound */
	enum plan_rung first; /* begin here, never go above; not PAUSED */
	bool syscalls;	      /* they are watched on the rungs that have them */
	double plain;	      /* a wake-up without a stack, by the price of one with it */
};

/* Sums since the beginning. */
struct budget_sum {
	uint64_t hits, ns;
};
struct budget_sample {
	uint64_t now_ns;
	uint64_t cpu_ns; /* CPU time of the target, with all that hits added */
	struct budget_sum parts[PART_COUNT];
	uint64_t other_ns; /* added at attaching and detaching */
};

/* What is known of a part: as on the first rung that has it, each a second. */
struct budget_part {
	double cost, hits; /* seconds of CPU time, hits */
	double own;	   /* seconds of its own that the target used then */
	uint64_t at_ns;	   /* 0: never measured */
};

struct budget {
	struct budget_opts opts;
	enum plan_rung rung;
	bool looking; /* a look between two pauses */
	struct budget_sample last, window;
	struct budget_part parts[PART_COUNT];
	bool fresh;	      /* the next sample begins a window */
	double own;	      /* of the last window: seconds of own CPU time a second */
	double debt_ns, debt_hits;
	uint64_t since_ns;    /* on this rung */
	uint64_t up_since_ns; /* 0: no step up in sight */
	enum plan_rung up_to;
	uint64_t patience_ns, stepped_up_ns; /* 0: the last step was down */
	unsigned good_looks;
	/* For the summary. */
	uint64_t rung_ns[RUNG_COUNT];
	uint64_t steps, pauses, looks;
	double share; /* of the last whole window */
	uint64_t rate;
};

enum budget_cause {
	BUDGET_COST, /* more than max_share */
	BUDGET_RATE, /* more than max_rate */
	BUDGET_ROOM, /* there is room again */
	BUDGET_LOOK, /* a look between two pauses */
	BUDGET_PAID, /* the look is over */
};

struct budget_move {
	enum plan_rung from, to;
	enum budget_cause cause;
	double share;	/* of the window that led to it; of the look, for PAID */
	uint64_t rate;
	uint64_t since_ns; /* how long it was on from */
};

void budget_init(struct budget *b, const struct budget_opts *o);

/*
 * Takes a sample; any distance in time, the nearer the quicker it reacts. True: go to ret->to now; the
 * budget believes that it was done, and begins a new window with the next sample.
 */
bool budget_step(struct budget *b, const struct budget_sample *s, struct budget_move *ret);

/* True if wake-ups go without stacks on a rung, where first is the one that was begun with. */
static inline bool budget_plain(enum plan_rung rung, enum plan_rung first)
{
	return rung >= RUNG_WAKES && rung != first;
}

#endif
