/*
 * toll.h - what a recording has cost the target so far: hits, each at the price that it had.
 *
 * Hits that left no record are counted, too: lost ones, those left out by intent, the runtime's own
 * system calls at a tracepoint, and those while probes were being attached or detached (these by the
 * rate before or after).
 */
#ifndef CMD_TOLL_H
#define CMD_TOLL_H

#include <stdint.h>

#include "capture/budget.h"
#include "capture/capture.h"
#include "model/model.h"

struct toll {
	uint64_t seen[HOOK_BPF_END], skipped, passed, switch_ns; /* as of the last update */
	uint64_t rate_at_ns, rate_from_ns;
	double rate; /* ns of cost in a ns while armed, as last seen */
	struct budget_sum parts[PART_COUNT];
	uint64_t other_ns;
	uint64_t hits, ns; /* of all */
};

/* Adds what came since; whenever prices change (capture_step), before it. */
void toll_update(struct toll *t, const struct capture *c, const struct model_stats *s,
		 uint64_t now_ns);

#endif
