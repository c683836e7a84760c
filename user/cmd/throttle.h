/*
 * throttle.h - a recording held below its budget: samples for capture/budget.h, its moves done, told
 * in the trace and in the summary.
 */
#ifndef CMD_THROTTLE_H
#define CMD_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/json.h"
#include "capture/budget.h"
#include "capture/capture.h"
#include "cmd/budgetopts.h"
#include "cmd/toll.h"
#include "model/model.h"

struct throttle {
	struct budget_asked opts;
	bool on;
	struct budget budget;
	unsigned told; /* rungs whose first step down was logged, as bits */
};

/* Once the capture has started. */
void throttle_begin(struct throttle *t, const struct budget_asked *o, const struct capture *c);

/*
 * Looks whether it costs too much, and changes what is watched. 0, the sink's error, or as capture_step.
 */
struct throttle_time {
	uint64_t now_ns, cpu_ns; /* CLOCK_MONOTONIC, and the target's CPU time */
};
int throttle_turn(struct throttle *t, const struct toll *toll, struct capture *c,
		  const struct throttle_time *at, struct diag *d);

/* "5 % of its own CPU time, 10000 hits/s" */
const char *throttle_asked(const struct budget_asked *o, char text[static 80]);

/* How long on each rung, what was left out: lines for a summary, each begun with head. */
void throttle_text(const struct throttle *t, const char *head, struct buf *b);
/* The same as an object. */
void throttle_json(const struct throttle *t, struct json *j);

#endif
