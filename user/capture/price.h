/*
 * price.h - what a hit costs the target, in ns of its CPU time.
 *
 * The trap is measured on this machine at the start, on instructions of our own (attach_features):
 * never on the target. What the program adds is a measured ratio to it.
 */
#ifndef CAPTURE_PRICE_H
#define CAPTURE_PRICE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/attach.h"
#include "capture/plan.h"

enum { PRICE_PUSH_NS = 540 }; /* where it could not be measured */

/* tracepoints: syscalls are seen by the kernel's (which every patched nop passes, too). */
uint32_t price_hit_ns(const struct attach_features *f, const struct plan *p, bool tracepoints,
		      unsigned hook);

#endif
