/*
 * frontier.h - one cursor for each thread of a generation, in a heap by the time of its next event.
 *
 * F1  heap[0, cnt) is a binary min-heap; every cursor in it has an event.
 * F2  Equal times are resolved as Go's heap resolves them, so that both readers give one order:
 *     the same sifting (Go 1.27 internal/trace/batchcursor.go).
 */
#ifndef TRACE_FRONTIER_H
#define TRACE_FRONTIER_H

#include <stddef.h>
#include <stdint.h>

#include "trace/gen.h"
#include "trace/order.h"

struct frontier_cur {
	struct cursor c; /* c.ev is the next event */
	uint64_t m;
	struct order_m *om; /* asked for when first needed; stays NULL for no thread */
	uint32_t batch;	    /* + 1: the one that c is in */
	uint64_t ev_off;    /* of c.ev in the file */
};

struct frontier_ent {
	int64_t time_ns;
	struct frontier_cur *cur;
};

struct frontier {
	struct frontier_cur *curs; /* owned, as heap */
	struct frontier_ent *heap;
	size_t cnt, cap;
};

/*
 * Sets a cursor on each thread of g. 0, -ENOMEM, or -EBADMSG; *ret_why is static, *ret_off is in
 * the file.
 */
int frontier_fill(struct frontier *f, const struct gen *g, const char **ret_why,
		  uint64_t *ret_off);

/* Moves heap[i] to its next event, or out. 0, or -EBADMSG with the cursor's ev_off at the fault. */
int frontier_step(struct frontier *f, const struct gen *g, size_t i, const char **ret_why);

/* Sorts the heap by time; equal ones keep their order. */
void frontier_sort(struct frontier *f);

void frontier_done(struct frontier *f);

#endif
