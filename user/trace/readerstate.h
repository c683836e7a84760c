/*
 * readerstate.h - what a reader knows, and the short way to its next event.
 * A part of reader.c and gotrace.c on its own; nobody else includes it.
 *
 * Events of one thread mostly follow each other. While it is a thread's turn, its next event comes
 * without a look at the others, and the usual kinds of events are taken by a few inlined lines. All
 * else goes the long way, reader_next, which may be taken for any event.
 *
 * W1  cur is NULL, or heap[0].cur, and then: the phase is PHASE_EVENTS, nothing is left in out, and
 *     cur's thread is known. heap[0].time_ns is behind while it is cur's turn.
 * W2  An event of cur not after limit_ns comes before those of all other threads and all samples.
 * W3  The short way has no errors: before anything changes it gives up what it does not like.
 */
#ifndef TRACE_READERSTATE_H
#define TRACE_READERSTATE_H

#include "trace/ahead.h"
#include "trace/frontier.h"
#include "trace/orderplain.h"
#include "trace/plain.h"
#include "trace/reader.h"

enum reader_phase {
	PHASE_LOAD,   /* the next generation must be loaded */
	PHASE_EVENTS, /* within a generation */
	PHASE_FAILED, /* an error is to be told, or was */
	PHASE_DONE,
};

struct reader {
	struct source src;
	struct ahead *ahead; /* owned, or NULL */
	unsigned version;
	enum reader_phase phase;
	struct gen own;	 /* the generation when nobody reads ahead */
	struct gen *gen; /* the current one, or NULL */
	struct order *order;
	struct frontier f;
	struct frontier_cur *cur; /* whose turn it is, or NULL: W1 */
	int64_t limit_ns;	  /* how long */
	size_t sample;		  /* the next one, and its time; or INT64_MAX */
	int64_t sample_ns;
	struct order_event *out; /* the judge's, until it is asked again */
	int out_left;
	struct order_event sync, sample_ev;
	uint64_t sample_stack;
	int64_t last_ns;
	uint64_t syncs, generations, bytes, gen_bytes_max;
	int err;
	struct diag why;
};

/* Whose turn it is now, in cur, too; NULL: only the long way knows. */
struct frontier_cur *reader_turn(struct reader *r);

/*
 * The first of the frontier has taken the last event of its block: decodes the next one. false: it
 * is damaged; reader_next tells. cur may be NULL then.
 */
bool reader_refill(struct reader *r);

/* Brings the heap up to date and cur to NULL; cur is not NULL. */
void reader_turn_end(struct reader *r);

/*
 * The next event into *ret_ev, if it is a usual one. false: nothing has changed; reader_next tells.
 */
static inline __attribute__((always_inline)) bool reader_take(struct reader *r,
							      struct gotrace_event *ret_ev)
{
	struct frontier_cur *c = r->cur;
	const struct cursor_event *ev;
	struct order_m *m;
	uint64_t g, p;
	int64_t t, id;

	if (!c)
		return false;
	ev = c->c.ev;
	if (!ev->plain)
		return false;
	m = c->om;
	g = m->g_id;
	p = m->p_id;
	if (!order_plain(r->order, r->gen->gen, m, ev, ev->g))
		return false;
	if (__builtin_expect(ev + 1 == c->c.end, 0)) {
		ev = frontier_ev(c);
		c->c.ev++;
		if (!reader_refill(r))
			return false;
	} else {
		c->c.ev++;
	}
	t = ev->time_ns > r->last_ns ? ev->time_ns : (int64_t)((uint64_t)r->last_ns + 1); /* E3 */
	r->last_ns = t;
	id = (int64_t)(ev->plain & PLAIN_PROC ? p : g);
	if (!(ev->plain & PLAIN_OF_CURRENT))
		id = (int64_t)ev->args[0];
	ret_ev->kind = GOTRACE_STATE_TRANSITION;
	ret_ev->wire_type = ev->type;
	ret_ev->time = t;
	ret_ev->goroutine = (int64_t)g;
	ret_ev->proc = (int64_t)p;
	ret_ev->thread = (int64_t)m->id;
	ret_ev->stack = ev->stack;
	ret_ev->u.transition.resource.kind =
		ev->plain & PLAIN_PROC ? GOTRACE_RESOURCE_PROC : GOTRACE_RESOURCE_GOROUTINE;
	ret_ev->u.transition.resource.id = id;
	ret_ev->u.transition.from = ev->from;
	ret_ev->u.transition.to = ev->to;
	ret_ev->u.transition.reason = ev->reason->s;
	ret_ev->u.transition.stack = ev->own;
	/* The next one's time is known long before this one is judged. */
	if (r->cur && c->c.ev->time_ns > r->limit_ns)
		reader_turn(r);
	return true;
}

#endif
