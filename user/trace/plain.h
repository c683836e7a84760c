/*
 * plain.h - prepares a block of decoded events for the short way (readerstate.h).
 *
 * What a usual event refers to is looked up a block at a time: in a loop over one thread's events
 * the processor does many look-ups at once and foresees the kinds; between the judgements of merged
 * events, it does not.
 *
 * L1  An event with PLAIN set is of a kind of orderplain.h; its stacks and its reason are in its
 *     generation (reader.h, E4).
 * L2  ev->g was the goroutine of args[0] then, or NULL. It may be gone, and another may have come:
 *     whoever uses it checks the id (orderstate.h, R1).
 */
#ifndef TRACE_PLAIN_H
#define TRACE_PLAIN_H

#include "trace/order.h"

/* cursor_event.plain; 0: the long way. */
enum {
	PLAIN = 1,
	PLAIN_OF_CURRENT = 2, /* of what executes, not of the first argument */
	PLAIN_PROC = 4,	      /* a P's transition, not a goroutine's */
	PLAIN_OF_G = 8,	      /* g is looked up */
};

/* Sets what cursor.h leaves to it for the events of c's block that are not yet taken. */
void plain_prepare(struct cursor *c, const struct gen *gen, const struct order *o);

#endif
