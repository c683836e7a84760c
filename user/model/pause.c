/*
 * pause.c - a change of what is watched, and times when nobody watched at all.
 *
 * Where a pause begins, all that ran or waited to run blocks for the reason PAUSE_REASON, all Ps go
 * idle, and a GC that is running ends: nobody knows what went on, and readers must not take it for
 * running, waiting for a CPU, or blocking of the program's own. What blocked a moment ago (HOT_NS)
 * blocks for that reason, too: it would have been woken as soon. What was blocked for longer, or is in a
 * system call, stays so.
 *
 * Where it ends the states come from a new snapshot. Records arrive meanwhile, newer than what the
 * snapshot reads; so every goroutine and thread has an epoch, the number of pauses before the last
 * record that named it: the snapshot changes only what no record has named since, and a goroutine
 * that neither names ended unwatched. All these changes are counted as one kind (REPAIR_RESUME).
 */
#include "model/state.h"

#include "base/num.h"
#include "image/reasons.h"

static const uint64_t HOT_NS = 200 * 1000 * 1000;

/* Some thread, to write an event on; NULL if none is known. */
static struct m *any_m(struct model *mo)
{
	size_t pos = 0;
	struct m *m;

	return m_next(mo, &pos, &m) ? m : NULL;
}

/*
 * A thread whose P is free for a moment; its goroutine, if it has one, is stopped and put into
 * *ret_was: lend_end starts it again. NULL: none can be found.
 */
static struct m *lend(struct model *mo, struct g **ret_was)
{
	struct m *m = any_m(mo);

	m = m ? m_with_p(mo, m) : NULL;
	*ret_was = m ? m->g : NULL;
	if (*ret_was)
		g_stop(mo, *ret_was, "preempted", 0);
	return m;
}

static void lend_end(struct model *mo, struct m *m, struct g *was)
{
	if (was && !m->g)
		g_start(mo, m, was);
}

/* g is runnable, and blocks: it must have run. */
static void block_unseen(struct model *mo, struct g *g, const char *reason, uint32_t stack)
{
	struct g *was;
	struct m *m = lend(mo, &was);

	if (!m)
		return;
	g_start(mo, m, g);
	g_block(mo, g, reason, stack);
	lend_end(mo, m, was);
}

/* ---- begin ---- */

/* Needs a goroutine that runs: the notes that wait, and the end of a GC. */
static void say_last(struct model *mo, struct m *m)
{
	gen_say_owed(mo, m);
	if (mo->gc_active)
		EV(mo, m, EV_GC_END, ++mo->gc_seq);
	mo->gc_active = false;
}

static bool is_hot(const struct model *mo, const struct g *g)
{
	return g->state == G_WAITING && g->wait_ts && !g->coro22 && mo->rec_ts < g->wait_ts + HOT_NS / TICK_NS;
}

static void pause_gs(struct model *mo)
{
	struct m *m = gen_any_running(mo);
	struct g *g, *was;

	if (m)
		say_last(mo, m);
	for (size_t pos = 0; g_next(mo, &pos, &g);) {
		if (g->state != G_RUNNING)
			continue;
		g_block(mo, g, PAUSE_REASON, 0);
		g->wait_ts = 0;
	}
	for (size_t pos = 0; g_next(mo, &pos, &g) && !mo->err;) {
		if (g->state != G_RUNNABLE && !is_hot(mo, g))
			continue;
		m = lend(mo, &was);
		if (!m)
			return;
		if (g->state == G_WAITING)
			g_unblock(mo, m, g, mo->unblock_stack);
		g_start(mo, m, g);
		say_last(mo, m);
		g_block(mo, g, PAUSE_REASON, 0);
		lend_end(mo, m, was);
	}
}

/* Nobody ran and nobody wanted to: one that waits does so for a moment, to tell. */
static void pause_say_owed(struct model *mo)
{
	struct g *g, *was;

	if (!mo->note_cnt && !mo->gc_active)
		return;
	for (size_t pos = 0; g_next(mo, &pos, &g) && !mo->err;) {
		struct m *m;

		if (g->state != G_WAITING || g->coro22)
			continue;
		m = lend(mo, &was);
		if (!m)
			return;
		g_unblock(mo, m, g, mo->unblock_stack);
		g_start(mo, m, g);
		say_last(mo, m);
		g_block(mo, g, PAUSE_REASON, 0);
		lend_end(mo, m, was);
		return;
	}
}

static void pause_begin(struct model *mo)
{
	struct p *p;

	gen_settle(mo);
	gen_end_stw(mo);
	pause_gs(mo);
	pause_say_owed(mo);
	for (size_t pos = 0; p_next(mo, &pos, &p);) {
		if (p->state == P_RUNNING && p->m && !p->m->g)
			p_stop(mo, p->m);
	}
	mo->stats.pauses++;
}

void plan_change(struct model *mo, const struct rec *r)
{
	mo->plan = (uint8_t)r->x;
	if (!(r->y & REC_PLAN_STEP) || !mo->gen)
		return;
	mo->from_pause = true;
	if (r->y & REC_PLAN_PAUSED)
		pause_begin(mo);
	if (r->y & REC_PLAN_RESUMED) {
		mo->epoch++;
		mo->resuming = true;
	} else if (!mo->stw_open && !mo->err) {
		gen_close(mo);
		if (!mo->err)
			gen_open(mo);
	}
	mo->from_pause = false;
}

/* ---- end ---- */

void resume_seen(struct model *mo, struct m *m, struct g *g)
{
	mo->from_pause = m->epoch != mo->epoch || (g && g->epoch != mo->epoch);
	m->epoch = mo->epoch;
	if (g)
		g->epoch = mo->epoch;
}

static uint32_t snap_stack(struct model *mo, const struct rec *r, uint32_t skip)
{
	return r->npc ? stacks_intern(mo->stacks, r->pcs, r->npc, skip,
				      r->flags & REC_F_SCHED_PC ? STACK_ENTRY_PC : 0)
		      : 0;
}

/* Running, as memory had it: on a thread that has not spoken since. */
static void snap_running(struct model *mo, struct m *m, struct g *g)
{
	struct p *p = m->snap_p ? p_find(mo, m->snap_p) : NULL;
	bool free_p = p && (!p->m || p->m == m || p->m->epoch != mo->epoch);

	if (m->epoch != mo->epoch && free_p)
		g_ensure_running(mo, m, g, p);
	else
		g_ensure_runnable(mo, m, g);
}

static bool has_idle_p(const struct model *mo)
{
	struct p *p;

	for (size_t pos = 0; p_next(mo, &pos, &p);)
		if (p->state == P_IDLE)
			return true;
	return false;
}

/* In a system call that began unwatched: its P is free for others, as far as is known. */
static void snap_syscall(struct model *mo, struct m *m, struct g *g, const struct rec *r)
{
	/* It may have ended by now, and another have begun (struct m). */
	if (g->state == G_SYSCALL && g->m == m) {
		m->old_syscall = m->epoch != mo->epoch;
		return;
	}
	if (m->epoch == mo->epoch || !has_idle_p(mo)) {
		g_ensure_runnable(mo, m, g);
		return;
	}
	if (!g_ensure_running(mo, m, g, NULL))
		return;
	g_syscall_begin(mo, g, snap_stack(mo, r, 1));
	m->old_syscall = true;
	if (m->p)
		p_steal(mo, m, m->p);
}

static void snap_waiting(struct model *mo, struct m *m, struct g *g, const struct rec *r)
{
	const struct model_texts *t = &mo->opts.wait_reasons;
	const char *reason = r->waitreason < t->cnt ? t->v[r->waitreason] : "";

	if (g->state == G_WAITING)
		return;
	if (!g_ensure_runnable(mo, m, g) || mo->err)
		return;
	if (g->state == G_RUNNABLE)
		block_unseen(mo, g, reasons_wait_to_block(reason), snap_stack(mo, r, 0));
}

static void snap_g(struct model *mo, const struct rec *r)
{
	struct m *m = r->tid ? m_get(mo, r->tid) : any_m(mo);
	struct g *g = g_find(mo, r->goid);

	if (!goid_lawful(r->goid) || !m || (g && g->epoch == mo->epoch))
		return;
	g = g_get(mo, m, r->g, r->goid);
	if (!g)
		return;
	g->epoch = mo->epoch;
	if (g->state == G_NONE)
		g->startpc = r->x;
	switch (GST_OF(r->gstatus)) {
	case GST_RUNNABLE:
		g_ensure_runnable(mo, m, g);
		break;
	case GST_RUNNING:
	case GST_COPYSTACK:
		snap_running(mo, m, g);
		break;
	case GST_SYSCALL:
		snap_syscall(mo, m, g, r);
		break;
	default:
		snap_waiting(mo, m, g, r);
		break;
	}
}

static void snap_gc(struct model *mo, const struct rec *r)
{
	if (r->x && !mo->gc_active) {
		mo->gc_active = mo->say_gc = true;
		mo->gc_told = false; /* the next that runs tells its begin */
	}
	if (r->y != mo->procs)
		mo->say_procs = true;
	mo->procs = r->y;
}

/* Neither the snapshot nor a record names it: it has ended. */
static void snap_end(struct model *mo)
{
	uint64_t ids[64];
	size_t n;

	mo->resuming = false;
	do {
		size_t gone = 0;
		struct g *g;

		n = 0;
		for (size_t pos = 0; n < ARRAY_LEN(ids) && g_next(mo, &pos, &g);)
			if (g->epoch != mo->epoch)
				ids[n++] = g->goid;
		for (size_t i = 0; i < n && !mo->err; i++) {
			struct m *m = any_m(mo);

			g = g_find(mo, ids[i]);
			if (g && m)
				g_vanish(mo, m, g);
			gone += !g_find(mo, ids[i]);
		}
		if (!gone)
			return;
	} while (n == ARRAY_LEN(ids));
}

void resume_snap(struct model *mo, const struct rec *r)
{
	struct m *m;

	mo->from_pause = true;
	switch (r->hook) {
	case HOOK_SNAP_P:
		(void)p_get(mo, r->p, r->x);
		break;
	case HOOK_SNAP_M:
		m = r->tid ? m_get(mo, r->tid) : NULL;
		if (m)
			m->snap_p = r->p;
		break;
	case HOOK_SNAP_G:
		snap_g(mo, r);
		break;
	case HOOK_SNAP_GC:
		snap_gc(mo, r);
		break;
	case HOOK_SNAP_END:
		snap_end(mo);
		break;
	default:
		break;
	}
	mo->from_pause = false;
}
