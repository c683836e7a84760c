/*
 * orderplain.h - the usual events, where nothing speaks against them.
 * A part of order.c and readerstate.h on its own; nobody else includes it.
 *
 * Nine of ten events are of these kinds and may come when they are asked about. What they change is
 * here, and only here; whether one that may not come must wait or breaks a rule, and which, is told
 * by its rule in order.c. Inline: it is asked for each event.
 */
#ifndef TRACE_ORDERPLAIN_H
#define TRACE_ORDERPLAIN_H

#include "base/limits.h"
#include "trace/orderstep.h"

static inline bool plain_seq(uint64_t old_gen, uint64_t old_seq, uint64_t gen, uint64_t seq)
{
	return old_gen == gen && seq == old_seq + 1; /* O3 */
}

static inline bool plain_create(struct order *o, uint64_t gen, struct order_m *m, uint64_t id,
				uint8_t status)
{
	const struct order_g *cur = m_g(o, m);

	return m->p_id != UINT64_MAX && (!cur || cur->status == TRACE_GO_RUNNING) &&
	       id != TRACE_NO_G && o->gs.cnt < LIMIT_GS && !find_g(o, id) &&
	       order_g_add(o, id, status, gen);
}

/* The goroutine of m; out of line, for what it is to be it has been already. */
static __attribute__((noinline)) struct order_g *plain_m_g(const struct order *o, struct order_m *m)
{
	return m_g(o, m);
}

static __attribute__((noinline)) struct order_g *plain_find(const struct order *o, uint64_t id)
{
	return find_g(o, id);
}

static inline struct order_g *plain_cur(const struct order *o, struct order_m *m)
{
	struct order_g *g = m->g;

	return __builtin_expect(g && g->id == m->g_id, 1) ? g : plain_m_g(o, m);
}

static inline struct order_g *plain_g(const struct order *o, struct order_g *g, uint64_t id)
{
	return __builtin_expect(g && g->id == id, 1) ? g : plain_find(o, id);
}

static inline bool plain_start(struct order *o, uint64_t gen, struct order_m *m,
			       const struct cursor_event *ev, struct order_g *g)
{
	g = plain_g(o, g, ev->args[0]);
	if (!g || g->status != TRACE_GO_RUNNABLE || !plain_seq(g->gen, g->seq, gen, ev->args[1]) ||
	    m->g_id != TRACE_NO_G || m->p_id == UINT64_MAX)
		return false;
	g->status = TRACE_GO_RUNNING;
	g->seq = ev->args[1];
	m_set_g(m, g);
	return true;
}

static inline bool plain_unblock(struct order *o, uint64_t gen, const struct cursor_event *ev,
				 struct order_g *g)
{
	g = plain_g(o, g, ev->args[0]);
	if (!g || g->status != TRACE_GO_WAITING || !plain_seq(g->gen, g->seq, gen, ev->args[1]))
		return false;
	g->status = TRACE_GO_RUNNABLE;
	g->seq = ev->args[1];
	return true;
}

static inline bool plain_stop(struct order *o, struct order_m *m, uint8_t status)
{
	struct order_g *g = plain_cur(o, m);

	if (!g || g->status != TRACE_GO_RUNNING || m->p_id == UINT64_MAX)
		return false;
	g->status = status;
	m_set_g(m, NULL);
	return true;
}

static inline bool plain_syscall(struct order *o, uint64_t gen, struct order_m *m,
				 const struct cursor_event *ev)
{
	struct order_g *g = plain_cur(o, m);
	struct order_p *p = m->p;

	if (!g || g->status != TRACE_GO_RUNNING || m->p_id == UINT64_MAX ||
	    !plain_seq(p->gen, p->seq, gen, ev->args[0]))
		return false;
	g->status = TRACE_GO_SYSCALL;
	p->status = TRACE_PROC_SYSCALL;
	p->seq = ev->args[0];
	return true;
}

static inline bool plain_syscall_end(struct order *o, struct order_m *m)
{
	struct order_g *g = plain_cur(o, m);
	struct order_p *p = m->p;

	if (!g || g->status != TRACE_GO_SYSCALL || m->p_id == UINT64_MAX ||
	    p->status != TRACE_PROC_SYSCALL)
		return false;
	g->status = TRACE_GO_RUNNING;
	p->status = TRACE_PROC_RUNNING;
	return true;
}

/* One of fifty. */
static __attribute__((noinline)) bool plain_rare(struct order *o, uint64_t gen, struct order_m *m,
						 const struct cursor_event *ev)
{
	struct order_g *g;
	struct order_p *p;

	switch (ev->type) {
	case EV_GO_CREATE:
		return plain_create(o, gen, m, ev->args[0], TRACE_GO_RUNNABLE);
	case EV_GO_CREATE_BLOCKED:
		return plain_create(o, gen, m, ev->args[0], TRACE_GO_WAITING);
	case EV_GO_DESTROY:
		g = m_g(o, m);
		if (!g || !plain_stop(o, m, TRACE_GO_BAD))
			return false;
		order_g_del(o, g);
		return true;
	case EV_PROC_START:
		p = find_p(o, ev->args[0]);
		if (!p || p->status != TRACE_PROC_IDLE || m->p_id != UINT64_MAX ||
		    !plain_seq(p->gen, p->seq, gen, ev->args[1]))
			return false;
		p->status = TRACE_PROC_RUNNING;
		p->seq = ev->args[1];
		m_set_p(m, p);
		return true;
	case EV_PROC_STOP:
		p = m->p;
		if (m->p_id == UINT64_MAX ||
		    (p->status != TRACE_PROC_RUNNING && p->status != TRACE_PROC_SYSCALL))
			return false;
		p->status = TRACE_PROC_IDLE;
		m_set_p(m, NULL);
		return true;
	default:
		return false;
	}
}

/*
 * Lets ev of thread m (NULL: of no thread, and then only a GoUnblock) come in generation gen.
 * false: it is none of these, must wait, or may not come; nothing has changed, and order_advance
 * knows more. g: who was the goroutine of args[0] some time ago, or NULL. Tests in the order of how
 * often they are true: measured, a jump by table is foreseen less well.
 */
static inline __attribute__((always_inline)) bool order_plain(struct order *o, uint64_t gen,
							      struct order_m *m,
							      const struct cursor_event *ev,
							      struct order_g *g)
{
	const uint8_t type = ev->type;

	if (type == EV_GO_START)
		return plain_start(o, gen, m, ev, g);
	if (type == EV_GO_BLOCK || type == EV_GO_STOP)
		return plain_stop(o, m, type == EV_GO_STOP ? TRACE_GO_RUNNABLE : TRACE_GO_WAITING);
	if (type == EV_GO_UNBLOCK)
		return plain_unblock(o, gen, ev, g);
	if (type == EV_GO_SYSCALL_BEGIN)
		return plain_syscall(o, gen, m, ev);
	if (type == EV_GO_SYSCALL_END)
		return plain_syscall_end(o, m);
	return plain_rare(o, gen, m, ev);
}

#endif
