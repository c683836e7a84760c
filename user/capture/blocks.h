/*
 * blocks.h - what a block's record leaves to its stack (record.h R6), filled in again.
 *
 * The programs read m.waitTraceBlockReason and m.waitTraceSkip only when they tell a PARK's stack,
 * and a record with the hash alone stands for the same values. Kept by the same slots as the
 * programs' own, and the one before in each slot: two CPUs may tell different stacks for one slot,
 * and a record of the older hash can still be on its way.
 */
#ifndef CAPTURE_BLOCKS_H
#define CAPTURE_BLOCKS_H

#include "include/record.h"

struct blocks;

/* NULL: no memory. */
struct blocks *blocks_new(void);
void blocks_free(struct blocks *b);

/*
 * r as the world outside the rings knows it: r itself, or, for a PARK that has its stack's hash alone,
 * a copy with x and skip, valid until the next call. Records must come in the order that rings.h
 * gives. One whose stack was never told (its record was lost) is left as it is.
 */
const struct rec *blocks_complete(struct blocks *b, const struct rec *r);

#endif
