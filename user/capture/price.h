/*
 * price.h - what a hit costs the target, in ns of its CPU time.
 *
 * Measured on this machine at the start, with the very programs that will run, on instructions of
 * our own (calib.h): never on the target. Where that is not possible a guess stands in, made from
 * the price of an empty trap.
 */
#ifndef CAPTURE_PRICE_H
#define CAPTURE_PRICE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/attach.h"
#include "capture/plan.h"

enum { PRICE_PUSH_NS = 540 }; /* where it could not be measured */

struct price {
	uint32_t hit_ns[HOOK_BPF_END];
	uint32_t plain_wake_ns; /* READY without the waker's stack */
	uint32_t skipped_ns;	/* a hit that makes no record */
	uint32_t traced_ns;	/* a syscall's record at one of the tracepoints */
	uint32_t passed_ns;	/* a syscall of the runtime's own, at one of the tracepoints */
	uint32_t idle_ns;	/* a hit while nothing is armed: at attaching and detaching */
	double cold; /* what a hit costs by these when the caches hold other things, at least 1 */
	bool measured;
};

/* tracepoints: syscalls are seen by the kernel's (which every patched nop passes, too). */
void price_guess(const struct attach_features *f, const struct plan *p, bool tracepoints,
		 struct price *ret);

/* Prices of the hooks that were not measured, from those that were. */
void price_fill(struct price *p);

#endif
