/*
 * reasons.h - why goroutines wait and the world stops: the fixed facts of each version, and what a
 * wait reason means in a trace. Everything goes by text: the numbers were renumbered in 1.24, 1.25
 * and 1.26.
 *
 * Source: Go runtime/runtime2.go (waitReasonStrings, isMutexWait..., 1.19 to 1.27),
 * runtime/traceruntime.go and traceevent.go (traceBlockReason), runtime/proc.go (stwReasonStrings).
 * Facts: docs/go-runtime.md 5.
 */
#ifndef IMAGE_REASONS_H
#define IMAGE_REASONS_H

#include <stdbool.h>
#include <stddef.h>

#include "image/image.h"

/* How many entries the runtime's table has in 1.minor.patch; 0: it has none, or is unknown. */
size_t reasons_count(enum image_table table, unsigned minor, unsigned patch);

/*
 * The block reason texts of a version in the order of its numbers, for binaries whose linker
 * dropped the table (1.22); the trace format's own strings. Static. *ret_cnt is 0 and the result
 * NULL up to 1.21, which has no such numbers.
 */
const char *const *reasons_block(unsigned minor, unsigned patch, size_t *ret_cnt);

/* The block reason texts of all versions: what a trace may name. Static. */
const char *const *reasons_block_all(size_t *ret_cnt);

/* The STW reason texts, 1.21 to 1.27 alike. Static. */
const char *const *reasons_stw(size_t *ret_cnt);

/* The trace's block reason for a wait reason's text; "unspecified" for one that is not known. */
const char *reasons_wait_to_block(const char *wait);

/*
 * True for a wait reason in which the goroutine really runs on the system stack (its status is
 * waiting so that its stack can be scanned): in a trace it is running.
 */
bool reasons_wait_is_pseudo(const char *wait);

#endif
