/*
 * apply_gc.c - the world stopped and started, GC cycles, mark assists, and the heap (go-runtime.md 9).
 */
#include "model/apply.h"

#include <string.h>

#include "model/heap.h"

void on_stw_begin(struct model *mo, struct at *a)
{
	if (a->g->stw || !g_ensure_running(mo, a->m, a->g, a->p))
		return;
	EV(mo, a->m, EV_STW_BEGIN,
	   ev_text(mo, a->r->x < mo->opts.stw_reasons.cnt ? mo->opts.stw_reasons.v[a->r->x]
							  : "unknown"),
	   ev_stack(mo, rec_stack(mo, a->r)));
	a->g->stw = true;
	mo->stw_open++;
}

/*
 * What follows are the ProcsChange and the waking of threads; the range ends behind both (Go 1.19 to 1.27
 * runtime/proc.go startTheWorldWithSema). Whatever P is in a syscall yet was taken from it by who stopped
 * the world; from 1.26 on that has been told (HOOK_STEAL).
 */
void on_stw_start(struct model *mo, struct at *a)
{
	struct p *p;

	if (a->g->m != a->m || !a->g->stw)
		return;
	a->m->stw_start = true;
	for (size_t pos = 0; mo->opts.go_minor < 26 && p_next(mo, &pos, &p);) {
		if ((p->state == P_SYSCALL || p->state == P_ABANDONED) && p->m != a->m) {
			p_make_idle(mo, a->m, p);
			repaired(mo, REPAIR_STEAL);
		}
	}
}

void on_stw_end(struct model *mo, struct at *a)
{
	if (a->g->m == a->m)
		g_close_stw(mo, a->g);
}

/* A thread that wakes the others may change its P, and does nothing else until it says that it has done. */
void stw_settle(struct model *mo, struct m *m, unsigned hook)
{
	if (m->stw_woken && m->g && hook != HOOK_ACQUIRE && hook != HOOK_RELEASE && hook != HOOK_HEAP &&
	    hook != HOOK_STW_END)
		g_close_stw(mo, m->g);
}

void on_procresize(struct model *mo, struct at *a)
{
	struct p *p;

	mo->procs = a->r->x;
	/* Its own stop, if it has to change its P, has the same stack, from 1.25 with systemstack_switch. */
	m_resized(mo, a->m, true,
		  rec_stack_skip(mo, a->r, mo->opts.go_minor >= 25 ? 0 : a->r->skip));
	if (g_ensure_running(mo, a->m, a->g, a->p)) {
		EV(mo, a->m, EV_PROCS_CHANGE, mo->procs, ev_stack(mo, rec_stack(mo, a->r)));
		mo->say_procs = false;
		a->m->stw_woken = a->m->stw_start;
	}
	/* Ps past the end are idle from now on; the stopper changes its own by acquirep. */
	for (size_t pos = 0; p_next(mo, &pos, &p);) {
		if (p->id >= mo->procs && p->state != P_IDLE && p->m != a->m)
			p_make_idle(mo, a->m, p);
	}
}

void on_gc_begin(struct model *mo, struct at *a)
{
	if (!g_ensure_running(mo, a->m, a->g, a->p))
		return;
	gen_say_owed(mo, a->m);
	if (mo->gc_active) {
		EV(mo, a->m, EV_GC_END, ++mo->gc_seq);
		repaired(mo, REPAIR_GC);
	}
	EV(mo, a->m, EV_GC_BEGIN, ++mo->gc_seq, ev_stack(mo, rec_stack(mo, a->r)));
	mo->gc_active = mo->gc_told = true;
}

void on_gc_end(struct model *mo, struct at *a)
{
	if (!mo->gc_active) {
		if (mo->gc_seq) /* else it was at its very end when the snapshot was read */
			repaired(mo, REPAIR_GC);
		return;
	}
	if (!g_ensure_running(mo, a->m, a->g, a->p))
		return;
	gen_say_owed(mo, a->m);
	EV(mo, a->m, EV_GC_END, ++mo->gc_seq);
	mo->gc_active = false;
}

/*
 * Mark assists (Go 1.26 runtime/mgcmark.go gcAssistAlloc). The runtime's range spans pieces, each a
 * call of gcAssistAlloc1, with yields and parks between them; g.inMarkAssist is set all the while.
 * A piece ends at its last casgstatus, or unseen at its start when marking is over already. So the
 * end of the range is put off at each piece's end (at its begin, too: it may be the unseen kind) and
 * decided by the next record that tells.
 */
void on_assist_begin(struct model *mo, struct at *a)
{
	if (!g_ensure_running(mo, a->m, a->g, a->p))
		return;
	if (!a->g->assist) {
		EV(mo, a->m, EV_GC_MARK_ASSIST_BEGIN, ev_stack(mo, rec_stack(mo, a->r)));
		a->g->assist = true;
	}
	a->g->assist_on = false;
	a->m->assist_end = a->g;
	a->m->assist_piece = true;
	a->m->assist_end_ts = ev_reserve(mo);
}

void on_assist_end(struct model *mo, struct at *a)
{
	if (!a->g->assist || a->g->m != a->m || a->g->state != G_RUNNING)
		return;
	a->m->assist_end = a->g;
	a->m->assist_piece = false;
	a->m->assist_end_ts = ev_reserve(mo);
}

/* All that it says is in its flags: assist_settle has taken it. */
void on_assist_park(struct model *mo, struct at *a)
{
	(void)mo;
	(void)a;
}

static void assist_close(struct model *mo, struct m *m, struct g *g)
{
	bool own_time = m->assist_end == g && m->last_ts < m->assist_end_ts &&
			m->assist_end_ts > mo->gen_start;

	m->assist_end = NULL;
	if (m->g != g || g->state != G_RUNNING || !g->assist)
		return;
	ev_at(mo, m, own_time ? m->assist_end_ts : ev_reserve(mo), EV_GC_MARK_ASSIST_END, NULL, 0);
	g->assist = g->assist_on = false;
}

/* Hooks that say nothing of the goroutine that runs on their thread. */
static bool says_nothing_of_curg(unsigned hook)
{
	return hook == HOOK_STEAL || hook == HOOK_HANDOFF || hook == HOOK_HEAP ||
	       hook == HOOK_GCWAIT;
}

/* g is in its range of mark assists, as r of g tells: a block at gopark tells by its reason alone. */
static bool in_assist(const struct model *mo, const struct rec *r)
{
	return (r->flags & REC_F_ASSIST) ||
	       (r->hook == HOOK_PARK && strcmp(block_reason(mo, r), ASSIST_REASON) == 0);
}

void assist_settle(struct model *mo, struct m *m, const struct rec *r)
{
	struct g *g = m->g;

	if (!g || !g->assist || g->state != G_RUNNING || says_nothing_of_curg(r->hook))
		return;
	if (r->goid ? r->goid != g->goid : r->hook != HOOK_PARK || r->g != g->ptr) {
		/* It woke or made another one: between pieces only if the range is over. */
		if (m->assist_end == g && !m->assist_piece)
			assist_close(mo, m, g);
		return;
	}
	if (r->hook == HOOK_ASSIST_END)
		return;
	if (r->hook == HOOK_ASSIST_BEGIN) {
		if (!g->assist_on)
			assist_close(mo, m, g); /* a new range: nothing tied it to the last piece */
		return;
	}
	if (in_assist(mo, r)) {
		g->assist_on = true;
		m->assist_end = NULL;
		return;
	}
	assist_close(mo, m, g);
}

void on_heap(struct model *mo, struct at *a)
{
	const struct rec *r = a->r;
	struct heap_sample h;

	if (!a->m->p || a->m->p->state != P_RUNNING ||
	    !heap_of_words(r->pcs, r->npc, mo->opts.goal_word, mo->opts.go_minor, &h))
		return;
	if (h.live != mo->heap_live)
		EV(mo, a->m, EV_HEAP_ALLOC, h.live);
	if (h.goal != mo->heap_goal)
		EV(mo, a->m, EV_HEAP_GOAL, h.goal);
	mo->heap_live = h.live;
	mo->heap_goal = h.goal;
}
