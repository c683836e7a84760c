/*
 * apply_proc.c - system calls, and who holds which P (go-runtime.md 4, 5); threads that C made.
 */
#include "model/apply.h"

/* The world stops: a thread that enters a syscall gives up its P at once. */
static void m_gcwait(struct model *mo, struct m *m)
{
	if (!m->p || m->p->state != P_SYSCALL)
		return;
	if (mo->opts.go_minor >= 26)
		p_stop(mo, m);
	else
		p_steal(mo, m, m->p);
}

void on_syscall_enter(struct model *mo, struct at *a)
{
	bool gcwait = a->m->gcwait;
	bool again = (a->m->restart || a->m->begun || a->m->old_syscall) && a->g->m == a->m &&
		     a->g->state == G_SYSCALL;

	a->m->restart = a->m->begun = a->m->old_syscall = a->m->gcwait = false;
	if (GST_OF(a->r->gstatus) == GST_SYSCALL)
		mo->told_late = true;
	if (again)
		return; /* the kernel repeats it after a signal, or the P's thief or the snapshot told */
	if (g_ensure_running(mo, a->m, a->g, a->p))
		g_syscall_begin(mo, a->g, rec_stack(mo, a->r));
	if (gcwait)
		m_gcwait(mo, a->m);
}

/* go-runtime.md 4.2: kept or lost is provisional until the thread's next record. */
void on_syscall_exit(struct model *mo, struct at *a)
{
	struct m *m = a->m;
	const struct rec *r = a->r;
	/* From 1.26 nothing was read: whoever takes a P from a syscall says so (HOOK_STEAL). */
	bool told = mo->opts.go_minor >= 26 && !r->p;
	struct p *p = told ? m->p : a->p;
	bool kept = told || (r->p && (uint32_t)r->x == (uint32_t)(r->x >> 32) &&
			     (mo->opts.go_minor >= 26 || r->y == PST_SYSCALL));

	m->old_syscall = false;
	m->restart = r->flags & REC_F_RESTART;
	if (m->restart)
		return; /* if it is not repeated, the thread's next record ends it */
	if (a->g->m != m || a->g->state != G_SYSCALL) {
		if (a->g->m == m && a->g->state == G_RUNNING) {
			repaired(mo, REPAIR_SYSCALL_BEGIN);
			return;
		}
		/* It cannot have entered where it was not running. */
		if (g_ensure_running(mo, m, a->g, a->p))
			repaired(mo, REPAIR_SYSCALL_BEGIN);
		return;
	}
	if (kept && p && m->p == p && p->state == P_SYSCALL)
		m_put_off(mo, m, PEND_KEPT, p->ptr);
	else
		m_put_off(mo, m, PEND_LOST, r->p ? r->p : m->extra_p);
	m->extra_p = 0;
}

/*
 * Who took p from a syscall and has not said so: who stops the world (stopTheWorldWithSema), or a thread
 * that found it on its own way out of a syscall, as the P that it had before (up to Go 1.25,
 * exitsyscallfast), else sysmon (retake), who takes first and then tells. NULL: nobody who is known.
 */
static struct m *p_thief(struct model *mo, const struct p *p)
{
	struct m *before = NULL;
	struct m *m;

	for (size_t pos = 0; m_next(mo, &pos, &m);) {
		if (p->m == m)
			continue;
		if (m->g && m->g->stw && !m->stw_woken)
			return m;
		if (m->pend == PEND_LOST && m->pend_p == p->ptr)
			before = m;
	}
	return before || !mo->sysmon ? before : m_get(mo, mo->sysmon);
}

/* The victim of a theft came back before its thief said so. */
static void p_stolen_untold(struct model *mo, struct m *m)
{
	struct m *by;

	if (!m->p || m->p->state != P_SYSCALL)
		return;
	by = p_thief(mo, m->p);
	p_steal(mo, by ? by : m, m->p);
	repaired(mo, REPAIR_STEAL);
}

/* The end of a syscall without a P (exitsyscall0, exitsyscallNoP). */
void on_syscall_nop(struct model *mo, struct at *a)
{
	struct m *m = a->m;

	m->pend = PEND_NONE;
	if (a->g->m != m || a->g->state != G_SYSCALL) {
		g_ensure_runnable(mo, m, a->g);
		repaired(mo, REPAIR_SYSCALL_BEGIN);
		return;
	}
	p_stolen_untold(mo, m);
	g_syscall_end_blocked(mo, a->g);
}

void on_acquire(struct model *mo, struct at *a)
{
	struct m *m = a->m;
	struct p *p = a->p;

	if (!p)
		return;
	if (m->old_syscall && m->g && m->g->state == G_SYSCALL && m->pend == PEND_NONE)
		m->pend = PEND_LOST; /* it had left the kernel before the attach */
	m->old_syscall = false;
	if (m->pend == PEND_LOST)
		p_stolen_untold(mo, m);
	if (m->p == p && p->state == P_RUNNING) {
		repaired(mo, REPAIR_IGNORED);
	} else {
		if (p->state == P_SYSCALL || p->state == P_ABANDONED)
			repaired(mo, REPAIR_STEAL);
		/* procresize changes the P under a running goroutine; readers see it stop for it. */
		if (m->g && m->g->state == G_RUNNING) {
			struct g *g = m->g;

			g_stop(mo, g, "runtime.Gosched", m->resize_stack);
			if (m->resized && m->p && m->p->state == P_RUNNING)
				p_stop(mo, m);
			m_resized(mo, m, false, 0);
			if (m_ensure_p(mo, m, p))
				g_start(mo, m, g);
			return;
		}
		if (!m_ensure_p(mo, m, p))
			return;
	}
	if (m->pend == PEND_LOST) {
		struct g *g = m->g;

		m->pend = PEND_NONE;
		g_syscall_end_blocked(mo, g);
		g_start(mo, m, g);
	}
}

void on_release(struct model *mo, struct at *a)
{
	struct m *m = a->m;

	m_resized(mo, m, false, 0);
	if (!m->p) {
		repaired(mo, REPAIR_IGNORED);
		return;
	}
	if (m->g && m->g->state == G_RUNNING)
		m_drop_g(mo, m);
	p_stop(mo, m);
}

/* handoffp and releaseP: a steal only from a syscall; after releasep it says nothing. */
void on_steal(struct model *mo, struct at *a)
{
	if (a->p && a->p->m != a->m)
		p_lost_in_syscall(mo, a->p);
	if (!a->p || (a->p->state != P_SYSCALL && a->p->state != P_ABANDONED))
		return;
	if (!a->m->p && !a->m->g)
		mo->sysmon = a->m->tid;
	p_make_idle(mo, a->m, a->p);
}

/*
 * The kernel's tracepoint tells a syscall behind the runtime's own mark of it: the P goes when that
 * record has come.
 */
void on_gcwait(struct model *mo, struct at *a)
{
	struct m *m = a->m;

	m_gcwait(mo, m);
	m->gcwait = mo->told_late && m->g && m->g->state == G_RUNNING;
}

void on_needm(struct model *mo, struct at *a)
{
	struct g *g;

	if (a->m->g)
		return; /* its dropm was lost */
	if (!goid_lawful(a->r->goid)) {
		if (a->r->x)
			return; /* from a signal handler */
		a->m->needm = true;
		a->m->needm_ts = ev_reserve(mo);
		return;
	}
	g = g_get(mo, a->m, a->r->g, a->r->goid);
	if (g && g->state == G_NONE)
		g_create_syscall(mo, a->m, g, ev_reserve(mo));
	/* Go 1.26: an extra M keeps the P that its last thread left in a syscall, if nobody took it. */
	a->m->extra_p = a->r->p;
}

void on_dropm(struct model *mo, struct at *a)
{
	if (a->g->m != a->m || a->g->state != G_SYSCALL) {
		repaired(mo, REPAIR_IGNORED);
		return;
	}
	if (a->m->p && a->m->p->state == P_RUNNING) {
		p_stop(mo, a->m);
		repaired(mo, REPAIR_PROC_STOP);
	}
	a->m->pend = PEND_NONE;
	g_destroy_syscall(mo, a->g);
}

/*
 * The first record of a goroutine on a foreign thread: its creation was announced by needm. The
 * goroutine may be one that another thread gave back in between: needm waits for that.
 */
void needm_settle(struct model *mo, struct m *m, struct g *g)
{
	bool own_past;

	if (!m->needm)
		return;
	m->needm = false;
	own_past = m->last_ts < m->needm_ts && m->needm_ts > mo->gen_start &&
		   m->needm_ts > mo->gone_ts;
	if (g->state == G_NONE && !m->g)
		g_create_syscall(mo, m, g, own_past ? m->needm_ts : ev_reserve(mo));
}
