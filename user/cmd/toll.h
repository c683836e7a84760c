/*
 * toll.h - what a recording has cost the target so far: hits, each at the price that it had.
 *
 * Hits that left no record are counted, too: lost ones, those left out by intent, the runtime's own
 * system calls at a tracepoint, and those while probes were being attached or detached (these by the
 * rate before or after).
 *
 * A hit is dearer the more the target does of its own between two of them: then the caches hold that,
 * and not what the kernel and the programs need. So its price lies between the two that were
 * measured, hot and cold (capture/price.h), by own CPU time per hit.
 */
#ifndef CMD_TOLL_H
#define CMD_TOLL_H

#include <stdint.h>

#include "capture/budget.h"
#include "capture/capture.h"
#include "model/model.h"

struct toll {
	uint64_t seen[HOOK_BPF_END], skipped, passed, traced, switch_ns; /* as of the last update */
	uint64_t rate_at_ns, rate_from_ns, rate_hits, rate_cpu_ns;
	double by; /* of the hot price, now; 0: not known yet */
	double rate; /* ns of cost in a ns while armed, as last seen */
	struct budget_sum parts[PART_COUNT];
	uint64_t other_ns;
	uint64_t hits, ns; /* of all */
};

/*
 * Adds what the hits since the last call cost, at today's prices: so it is called before prices change
 * (capture_step), too. now_ns: CLOCK_MONOTONIC; cpu_ns: the target's CPU time so far.
 */
void toll_update(struct toll *t, const struct capture *c, const struct model_stats *s,
		 uint64_t now_ns, uint64_t cpu_ns);

#endif
