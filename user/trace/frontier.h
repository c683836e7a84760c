/*
 * frontier.h - one cursor for each thread of a generation, in a heap by the time of its next event.
 *
 * F1  heap[0, cnt) is a binary min-heap; every cursor in it has an event.
 * F2  Behind the heap stand two entries of the last time there is: who has no children has these.
 * F3  Equal times are resolved as Go's heap resolves them, so that both readers give one order:
 *     the same sifting (Go 1.27 internal/trace/batchcursor.go).
 */
#ifndef TRACE_FRONTIER_H
#define TRACE_FRONTIER_H

#include <stddef.h>
#include <stdint.h>

#include "trace/gen.h"
#include "trace/order.h"

struct frontier_cur {
	uint64_t m;
	struct order_m *om; /* asked for when first needed; stays NULL for no thread */
	uint64_t off0;	    /* of its batch's data in the file */
	uint32_t batch;	    /* + 1: the one that c is in */
	struct cursor c;    /* c.ev is the next event */
	struct cursor_event last;
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
int frontier_fill(struct frontier *f, const struct gen *g, const char **ret_why, uint64_t *ret_off);

/* Decodes the cursor's next block. 1, 0 at the end of its batches, or -EBADMSG as cursor_fill. */
int frontier_decode(struct frontier_cur *c, const struct gen *g, const char **ret_why);

/*
 * The next event, where it stays when its successor is decoded: the last of a block is copied.
 * Borrowed until the next call for c.
 */
static inline const struct cursor_event *frontier_ev(struct frontier_cur *c)
{
	if (c->c.ev + 1 < c->c.end)
		return c->c.ev;
	c->last = *c->c.ev;
	return &c->last;
}

/* Where the next event is in the file; and where the one is that could not be decoded. */
static inline uint64_t frontier_off(const struct frontier_cur *c)
{
	return c->off0 + c->c.ev->off;
}

static inline uint64_t frontier_bad_off(const struct frontier_cur *c)
{
	return c->off0 + c->c.s.off;
}

/* The time at which another one than heap[0] is the first; cnt > 0. */
static inline int64_t frontier_rival_ns(const struct frontier *f)
{
	int64_t l = f->heap[1].time_ns, r = f->heap[2].time_ns;

	return l < r ? l : r;
}

/* Restores the heap where heap[0] has a later time. */
void frontier_sink(struct frontier *f);

/* Restores the heap where heap[i] has a new time; takes heap[i] out. */
void frontier_sift(struct frontier *f, size_t i);
void frontier_remove(struct frontier *f, size_t i);

/* Moves heap[i] to its next event, or out. 0, or -EBADMSG as frontier_decode. */
static inline int frontier_step(struct frontier *f, const struct gen *g, size_t i,
				const char **ret_why)
{
	struct frontier_ent *e = &f->heap[i];
	struct cursor *c = &e->cur->c;

	if (++c->ev == c->end) {
		int rc = frontier_decode(e->cur, g, ret_why);

		if (!rc)
			frontier_remove(f, i);
		if (rc <= 0)
			return rc;
	}
	e->time_ns = c->ev->time_ns;
	/* Often it stays the first. */
	if (i || frontier_rival_ns(f) < e->time_ns)
		frontier_sift(f, i);
	return 0;
}

/* Sorts the heap by time; equal ones keep their order. */
void frontier_sort(struct frontier *f);

void frontier_done(struct frontier *f);

#endif
