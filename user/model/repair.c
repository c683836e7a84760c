/*
 * repair.c - from what is believed to what a record says.
 *
 * Every function here leaves a lawful state and writes what must have happened at the latest time
 * it can have happened: just before the record at hand (go-runtime.md 6). Each step is counted.
 */
#include "model/state.h"

#include <assert.h>

static const struct {
	const char *name;
	bool expected;
} kinds[REPAIR_COUNT] = {
	[REPAIR_UNBLOCK] = { "unblock", true },
	[REPAIR_REWIRE] = { "p-rewired", true },
	[REPAIR_STEAL] = { "p-stolen", true },
	[REPAIR_START] = { "start", false },
	[REPAIR_STOP] = { "stop", false },
	[REPAIR_BLOCK] = { "block", false },
	[REPAIR_SYSCALL_BEGIN] = { "syscall-begin", false },
	[REPAIR_SYSCALL_END] = { "syscall-end", false },
	[REPAIR_CREATE] = { "create", false },
	[REPAIR_VANISH] = { "vanished", false },
	[REPAIR_PROC_START] = { "p-start", false },
	[REPAIR_PROC_STOP] = { "p-stop", false },
	[REPAIR_GC] = { "gc", false },
	[REPAIR_REGION] = { "region", false },
	[REPAIR_RESUME] = { "while-paused", true },
	[REPAIR_PLAN] = { "by-plan", true },
	[REPAIR_IGNORED] = { "ignored", false },
};

const char *repair_name(enum repair r)
{
	return kinds[r].name;
}

bool repair_expected(enum repair r)
{
	return kinds[r].expected;
}

/* The plan does not watch what would have told it. */
static bool left_to_us(const struct model *mo, enum repair r)
{
	if (mo->plan == REC_PLAN_STOP)
		return r == REPAIR_START;
	return mo->plan == REC_PLAN_LEAN &&
	       (r == REPAIR_STOP || r == REPAIR_BLOCK || r == REPAIR_CREATE ||
		r == REPAIR_VANISH || r == REPAIR_PROC_STOP);
}

void repaired(struct model *mo, enum repair r)
{
	if (mo->from_pause)
		r = REPAIR_RESUME;
	else if (left_to_us(mo, r))
		r = REPAIR_PLAN;
	mo->stats.repairs[r]++;
}

enum { PEND_EVENTS = 6 }; /* steal, steal, start, end-blocked, start, one to spare */

void m_put_off(struct model *mo, struct m *m, enum pend pend, uint64_t p_ptr)
{
	m->pend = (uint8_t)pend;
	m->pend_p = p_ptr;
	m->pend_ts = ev_reserve(mo);
	mo->ts += PEND_EVENTS;
}

/* Some idle P, for a record that names none; a new one if there is none. */
static struct p *p_any(struct model *mo)
{
	struct p *p;

	for (size_t pos = 0; p_next(mo, &pos, &p);) {
		if (p->state == P_IDLE)
			return p;
	}
	return p_get(mo, UINT64_MAX - mo->ps.cnt, UINT64_MAX);
}

/* g's syscall on m ended without the P it had taken along; m has another now. */
static void g_return(struct model *mo, struct m *m, struct g *g)
{
	if (g->state == G_SYSCALL) /* else the change of Ps has ended it already */
		g_syscall_end_blocked(mo, g);
	g_start(mo, m, g);
}

/* The old P was wired to m again, or taken from another M, without a hook (go-runtime.md 4.2, 5). */
static void m_rewire(struct model *mo, struct m *m)
{
	struct g *g = m->g;
	struct p *p = p_find(mo, m->pend_p);
	bool own_past = m->last_ts < m->pend_ts && m->pend_ts > mo->gen_start;

	if (!p)
		p = m->p ? m->p : p_any(mo); /* announced now, if new: so it is not told in the past */
	/* Nothing that concerns it happened since: it is told at its own time. */
	if (own_past && p && p->changed_ts < m->pend_ts)
		mo->back_ts = m->pend_ts;
	if (m->p && m->p->state == P_SYSCALL)
		p_steal(mo, m, m->p);
	if (p && p->state == P_RUNNING)
		mo->back_ts = 0; /* its holder stops now, not in the past */
	if (p && p != m->p)
		p_make_idle(mo, m, p);
	if (m_ensure_p(mo, m, p))
		g_return(mo, m, g);
	mo->back_ts = 0;
	repaired(mo, REPAIR_REWIRE);
}

/* Up to 1.25 m can have its P again unseen, but not while it runs on another thread. */
static bool p_in_use(struct model *mo, const struct m *m)
{
	const struct p *p = p_find(mo, m->pend_p);

	return p && p->state == P_RUNNING && p->m != m;
}

void m_settle(struct model *mo, struct m *m, unsigned hook)
{
	struct g *g = m->g;
	bool lost = hook == HOOK_ACQUIRE || hook == HOOK_SYSCALL_NOP;

	if (m->pend == PEND_NONE)
		return;
	/* Part of finding another P (Go 1.26 exitsyscallTryGetP takes one from a syscall). */
	if (m->pend == PEND_LOST && (hook == HOOK_STEAL || hook == HOOK_HANDOFF || hook == HOOK_HEAP))
		return;
	assert(g && g->state == G_SYSCALL);
	if (m->begun && m->pend == PEND_LOST && hook == HOOK_SYSCALL_ENTER &&
	    (mo->opts.go_minor >= 26 || p_in_use(mo, m))) {
		/* It was kept, and lost in this next syscall: both are one. */
		m->pend = PEND_NONE;
		repaired(mo, REPAIR_STEAL);
		return;
	}
	if (m->pend == PEND_KEPT && (!m->p || m->p->state != P_SYSCALL || lost))
		m->pend = PEND_LOST;
	if (m->pend == PEND_KEPT) {
		m->pend = PEND_NONE;
		g_syscall_end(mo, g, m->last_ts < m->pend_ts ? m->pend_ts : 0);
		return;
	}
	if (hook == HOOK_NONE || lost)
		return;
	m->pend = PEND_NONE;
	m_rewire(mo, m);
}

/* g's syscall ends on its thread, one way or the other; it is running or runnable after. */
static void g_end_syscall(struct model *mo, struct g *g)
{
	struct m *m = g->m;

	m_settle(mo, m, HOOK_NONE);
	m->pend = PEND_NONE;
	if (g->state != G_SYSCALL)
		return;
	repaired(mo, REPAIR_SYSCALL_END);
	if (m->p && m->p->state == P_SYSCALL)
		g_syscall_end(mo, g, 0);
	else
		g_syscall_end_blocked(mo, g);
}

void m_drop_g(struct model *mo, struct m *m)
{
	struct g *g = m->g;

	if (!g)
		return;
	if (g->state == G_SYSCALL)
		g_end_syscall(mo, g);
	if (g->state == G_RUNNING) {
		/* Where blocks are not watched, that is what nearly all of them are. */
		if (mo->plan == REC_PLAN_LEAN)
			g_block(mo, g, "unspecified", 0);
		else
			g_stop(mo, g, "preempted", 0);
		repaired(mo, REPAIR_STOP);
	}
	m->assist_end = NULL;
}

void g_detach(struct model *mo, struct g *g)
{
	if (g->m)
		m_drop_g(mo, g->m);
}

struct m *m_with_p(struct model *mo, struct m *m)
{
	struct m *o;

	if (m->p && m->p->state == P_RUNNING && (!m->g || m->g->state == G_RUNNING))
		return m;
	for (size_t pos = 0; m_next(mo, &pos, &o);) {
		if (o->p && o->p->state == P_RUNNING && !o->g)
			return o;
	}
	m_drop_g(mo, m);
	return m_ensure_p(mo, m, NULL) ? m : NULL;
}

void g_vanish(struct model *mo, struct m *m, struct g *g)
{
	struct g *was;

	if (g->state == G_NONE || !mo->gen) {
		if (g->m)
			g->m->g = NULL;
		g->m = NULL;
		g_forget(mo, g);
		return;
	}
	repaired(mo, REPAIR_VANISH);
	if (g->state == G_SYSCALL)
		g_end_syscall(mo, g);
	if (g->state == G_WAITING)
		g_unblock(mo, m, g, mo->unblock_stack);
	if (g->state == G_RUNNABLE) {
		/* Readers take an end from a running goroutine only: it runs for a moment. */
		m = m_with_p(mo, m);
		if (!m)
			return;
		was = m->g;
		if (was)
			g_stop(mo, was, "preempted", 0);
		g_start(mo, m, g);
		g_destroy(mo, g);
		if (was)
			g_start(mo, m, was);
		return;
	}
	g_destroy(mo, g);
}

void p_lost_in_syscall(struct model *mo, struct p *p)
{
	struct m *m = p->m;

	if (!mo->told_late || p->state != P_RUNNING || !m->g || m->g->state != G_RUNNING)
		return;
	g_syscall_begin(mo, m->g, 0);
	m->begun = true;
	repaired(mo, REPAIR_STEAL);
}

void p_make_idle(struct model *mo, struct m *by, struct p *p)
{
	if (p->m != by)
		p_lost_in_syscall(mo, p);
	switch (p->state) {
	case P_IDLE:
		break;
	case P_RUNNING: {
		struct m *m = p->m;

		m_drop_g(mo, m);
		p_stop(mo, m);
		repaired(mo, REPAIR_PROC_STOP);
		break;
	}
	case P_SYSCALL:
	case P_ABANDONED:
		if (p->m && p->m != by && p->m->pend == PEND_KEPT) {
			p->m->pend = PEND_LOST;
			p->m->begun = mo->told_late; /* or it was kept, and lost in the next one */
		}
		p_steal(mo, by, p);
		break;
	}
}

bool m_ensure_p(struct model *mo, struct m *m, struct p *p)
{
	if (!p)
		p = m->p ? m->p : p_any(mo);
	if (!p)
		return false;
	if (m->p == p && p->state == P_SYSCALL)
		g_end_syscall(mo, m->g);
	if (m->p == p)
		return true;
	if (m->p) {
		if (m->p->state == P_SYSCALL) {
			p_steal(mo, m, m->p);
			repaired(mo, REPAIR_STEAL);
		} else {
			m_drop_g(mo, m);
			p_stop(mo, m);
			repaired(mo, REPAIR_PROC_STOP);
		}
	}
	p_make_idle(mo, m, p);
	p_start(mo, m, p);
	return true;
}

bool g_ensure_runnable(struct model *mo, struct m *m, struct g *g)
{
	g_detach(mo, g);
	switch (g->state) {
	case G_NONE:
		if (!m_ensure_p(mo, m, NULL))
			return false;
		if (m->g && m->g->state != G_RUNNING)
			m_drop_g(mo, m);
		g_create(mo, m, g, false, 0);
		repaired(mo, REPAIR_CREATE);
		break;
	case G_WAITING:
		g_unblock(mo, m, g, mo->unblock_stack);
		repaired(mo, REPAIR_UNBLOCK);
		break;
	default:
		break;
	}
	return true;
}

bool g_ensure_running(struct model *mo, struct m *m, struct g *g, struct p *p)
{
	if (g->m == m && g->state == G_RUNNING && (!p || m->p == p))
		return true;
	if (g->m == m && g->state == G_SYSCALL) {
		m->pend = PEND_NONE;
		if (!m->old_syscall)
			repaired(mo, REPAIR_SYSCALL_END);
		m->old_syscall = false;
		if (m->p && m->p->state == P_SYSCALL && (!p || m->p == p)) {
			g_syscall_end(mo, g, 0);
			return true;
		}
		if (m->p && m->p->state == P_SYSCALL)
			p_steal(mo, m, m->p);
		if (!m_ensure_p(mo, m, p))
			return false;
		g_return(mo, m, g);
		return true;
	}
	if (m->g != g)
		m_drop_g(mo, m);
	g_detach(mo, g);
	if (p && m->p != p)
		repaired(mo, REPAIR_PROC_START);
	if (!m_ensure_p(mo, m, p) || !g_ensure_runnable(mo, m, g))
		return false;
	g_start(mo, m, g);
	repaired(mo, REPAIR_START);
	return true;
}
