/*
 * apply.c - what each kind of record means. The table at the end is the dispatch; repair.c brings
 * the belief to where a record starts from.
 */
#include "model/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/reasons.h"
#include "model/heap.h"

/* A record with what it names looked up; g is NULL for hooks without one or a failed read. */
struct at {
	const struct rec *r;
	struct m *m;
	struct g *g;
	struct p *p;
};

static const char *text_at(const struct model_texts *t, uint64_t i)
{
	return i < t->cnt && t->v[i][0] ? t->v[i] : "unspecified";
}

static uint32_t rec_stack_skip(struct model *mo, const struct rec *r, unsigned skip)
{
	unsigned flags = r->flags & REC_F_SCHED_PC ? STACK_ENTRY_PC : 0;

	if (r->stack)
		return stacks_told(mo->stacks, r->stack, skip, flags);
	return stacks_intern(mo->stacks, r->pcs, r->npc, skip, flags);
}

static uint32_t rec_stack(struct model *mo, const struct rec *r)
{
	return rec_stack_skip(mo, r, r->skip);
}

/* The goroutine starts here: the runtime labels its GC workers right behind (Go 1.26 trace.go). */
static void say_label(struct model *mo, struct m *m, uint64_t mode)
{
	static const char *const labels[] = { NULL, "GC (dedicated)", "GC (fractional)",
					      "GC (idle)" };

	if (mode > 0 && mode < sizeof(labels) / sizeof(labels[0]))
		EV(mo, m, EV_GO_LABEL, ev_text(mo, labels[mode]));
}

static void on_execute(struct model *mo, struct at *a)
{
	if (a->m->g != a->g)
		m_drop_g(mo, a->m);
	g_detach(mo, a->g);
	if (a->p && a->m->p != a->p)
		repaired(mo, REPAIR_PROC_START);
	if (!m_ensure_p(mo, a->m, a->p) || !g_ensure_runnable(mo, a->m, a->g))
		return;
	g_start(mo, a->m, a->g);
	if (a->g->assist_wait && a->g->assist) {
		/* gcParkAssist returns true: the debt is paid or the cycle over (mgcmark.go). */
		ev(mo, a->m, EV_GC_MARK_ASSIST_END, NULL, 0);
		a->g->assist = a->g->assist_on = false;
	}
	a->g->assist_wait = false;
	say_label(mo, a->m, a->r->x);
}

/* Go 1.22 on has the reason for the trace in the m; before, the wait reason's text must do. */
static const char *block_reason(const struct model *mo, const struct rec *r)
{
	if (mo->opts.block_reasons.cnt)
		return text_at(&mo->opts.block_reasons, r->x);
	return reasons_wait_to_block(text_at(&mo->opts.wait_reasons, r->waitreason));
}

static void on_park(struct model *mo, struct at *a)
{
	const char *reason = block_reason(mo, a->r);

	if (!g_ensure_running(mo, a->m, a->g, a->p))
		return;
	g_block(mo, a->g, reason, rec_stack(mo, a->r));
	a->g->assist_wait =
		a->g->assist && strcmp(reason, "GC mark assist wait for work") == 0;
}

static void on_gosched(struct model *mo, struct at *a)
{
	if (g_ensure_running(mo, a->m, a->g, a->p))
		g_stop(mo, a->g, a->r->x == 1 ? "runtime.Gosched" : "preempted",
		       rec_stack(mo, a->r));
}

static void on_preempt_park(struct model *mo, struct at *a)
{
	if (g_ensure_running(mo, a->m, a->g, a->p))
		g_block(mo, a->g, "preempted", rec_stack(mo, a->r));
}

/* g is woken: whatever is believed of it, it is runnable after. */
static void wake(struct model *mo, struct at *a, uint32_t stack)
{
	struct g *g = a->g;

	switch (g->state) {
	case G_WAITING:
		g_unblock(mo, a->m, g, stack ? stack : mo->unblock_stack);
		break;
	case G_RUNNING:
		/* It stopped unseen, and then was woken. */
		g_block(mo, g, "unspecified", 0);
		repaired(mo, REPAIR_BLOCK);
		g_unblock(mo, a->m, g, stack ? stack : mo->unblock_stack);
		break;
	case G_SYSCALL:
		g_detach(mo, g);
		break;
	case G_RUNNABLE:
		repaired(mo, REPAIR_IGNORED);
		break;
	case G_NONE:
		g_ensure_runnable(mo, a->m, g);
		break;
	}
}

static void on_ready(struct model *mo, struct at *a)
{
	wake(mo, a, rec_stack(mo, a->r));
}

static void on_inject(struct model *mo, struct at *a)
{
	wake(mo, a, rec_stack(mo, a->r));
}

/* Also told for goroutines that were woken before: then it says nothing. */
static void on_startlockedm(struct model *mo, struct at *a)
{
	if (a->g->state == G_WAITING)
		g_unblock(mo, a->m, a->g, mo->unblock_stack);
}

static void on_create(struct model *mo, struct at *a)
{
	struct m *m = a->m;

	if (a->g->state != G_NONE) {
		repaired(mo, REPAIR_IGNORED);
		return;
	}
	a->g->startpc = a->r->x;
	if (m->g && m->g->state != G_RUNNING)
		m_drop_g(mo, m);
	if (!m_ensure_p(mo, m, a->p))
		return;
	g_create(mo, m, a->g, (a->r->gstatus & 0xfff) == 4, rec_stack(mo, a->r));
}

static void on_exit(struct model *mo, struct at *a)
{
	if (g_ensure_running(mo, a->m, a->g, a->p))
		g_destroy(mo, a->g);
}

static void on_coroswitch(struct model *mo, struct at *a)
{
	bool destroy = a->r->flags & REC_F_COROEXIT;
	/* Looked up by its address, too, a goroutine's own would make it vanish under our hands. */
	struct g *next = goid_lawful(a->r->y) && a->r->x != a->r->g ? g_get(mo, a->m, a->r->x, a->r->y) : NULL;

	if (!g_ensure_running(mo, a->m, a->g, a->p))
		return;
	if (next == a->g)
		next = NULL;
	if (next && next->state == G_WAITING) {
		g_switch(mo, a->g, next, destroy);
		return;
	}
	if (destroy)
		g_destroy(mo, a->g);
	else
		g_block(mo, a->g, "unspecified", 0);
	if (next && g_ensure_runnable(mo, a->m, next)) {
		g_start(mo, a->m, next);
		repaired(mo, REPAIR_START);
	}
}

static void on_syscall_enter(struct model *mo, struct at *a)
{
	bool again = (a->m->restart || a->m->begun || a->m->old_syscall) && a->g->m == a->m &&
		     a->g->state == G_SYSCALL;

	a->m->restart = a->m->begun = a->m->old_syscall = false;
	if ((a->r->gstatus & 0xfff) == 3)
		mo->told_late = true;
	if (again)
		return; /* the kernel repeats it after a signal, or the P's thief or the snapshot told */
	if (g_ensure_running(mo, a->m, a->g, a->p))
		g_syscall_begin(mo, a->g, rec_stack(mo, a->r));
}

/* go-runtime.md 4.2: kept or lost is provisional until the thread's next record. */
static void on_syscall_exit(struct model *mo, struct at *a)
{
	struct m *m = a->m;
	const struct rec *r = a->r;
	/* From 1.26 nothing was read: whoever takes a P from a syscall says so (HOOK_STEAL). */
	bool told = mo->opts.go_minor >= 26 && !r->p;
	struct p *p = told ? m->p : a->p;
	bool kept = told || (r->p && (uint32_t)r->x == (uint32_t)(r->x >> 32) &&
			     (mo->opts.go_minor >= 26 || r->y == 2));

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

/* The end of a syscall without a P (exitsyscall0, exitsyscallNoP). */
static void on_syscall_nop(struct model *mo, struct at *a)
{
	struct m *m = a->m;

	m->pend = PEND_NONE;
	if (a->g->m != m || a->g->state != G_SYSCALL) {
		g_ensure_runnable(mo, m, a->g);
		repaired(mo, REPAIR_SYSCALL_BEGIN);
		return;
	}
	if (m->p && m->p->state == P_SYSCALL) {
		p_steal(mo, m, m->p);
		repaired(mo, REPAIR_STEAL);
	}
	g_syscall_end_blocked(mo, a->g);
}

static void on_acquire(struct model *mo, struct at *a)
{
	struct m *m = a->m;
	struct p *p = a->p;

	if (!p)
		return;
	if (m->old_syscall && m->g && m->g->state == G_SYSCALL && m->pend == PEND_NONE)
		m->pend = PEND_LOST; /* it had left the kernel before the attach */
	m->old_syscall = false;
	if (m->pend == PEND_LOST && m->p && m->p->state == P_SYSCALL) {
		/* The victim came back before its thief said so. */
		p_steal(mo, m, m->p);
		repaired(mo, REPAIR_STEAL);
	}
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

static void on_release(struct model *mo, struct at *a)
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
static void on_steal(struct model *mo, struct at *a)
{
	if (a->p && a->p->m != a->m)
		p_lost_in_syscall(mo, a->p);
	if (a->p && (a->p->state == P_SYSCALL || a->p->state == P_ABANDONED))
		p_make_idle(mo, a->m, a->p);
}

static void on_gcwait(struct model *mo, struct at *a)
{
	struct m *m = a->m;

	if (!m->p || m->p->state != P_SYSCALL)
		return;
	if (mo->opts.go_minor >= 26)
		p_stop(mo, m);
	else
		p_steal(mo, m, m->p);
}

static void on_needm(struct model *mo, struct at *a)
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

static void on_dropm(struct model *mo, struct at *a)
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

static void on_stw_begin(struct model *mo, struct at *a)
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

/* The range ends behind the ProcsChange that follows (go-runtime.md 9). */
static void on_stw_start(struct model *mo, struct at *a)
{
	(void)mo;
	if (a->g->m == a->m && a->g->stw)
		a->m->stw_start = true;
}

static void on_procresize(struct model *mo, struct at *a)
{
	struct map_slot slot;

	mo->procs = a->r->x;
	/* Its own stop, if it has to change its P, has the same stack with systemstack_switch. */
	m_resized(mo, a->m, true, rec_stack_skip(mo, a->r, 0));
	if (g_ensure_running(mo, a->m, a->g, a->p)) {
		EV(mo, a->m, EV_PROCS_CHANGE, mo->procs, ev_stack(mo, rec_stack(mo, a->r)));
		mo->say_procs = false;
		if (a->m->stw_start)
			g_close_stw(mo, a->g);
	}
	/* Ps past the end are idle from now on; the stopper changes its own by acquirep. */
	for (size_t pos = 0; map_next(&mo->ps, &pos, &slot);) {
		struct p *p = (struct p *)(uintptr_t)slot.val;

		if (p->id >= mo->procs && p->state != P_IDLE && p->m != a->m)
			p_make_idle(mo, a->m, p);
	}
}

static void on_gc_begin(struct model *mo, struct at *a)
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

static void on_gc_end(struct model *mo, struct at *a)
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
static void on_assist_begin(struct model *mo, struct at *a)
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

static void on_assist_end(struct model *mo, struct at *a)
{
	if (!a->g->assist || a->g->m != a->m || a->g->state != G_RUNNING)
		return;
	a->m->assist_end = a->g;
	a->m->assist_piece = false;
	a->m->assist_end_ts = ev_reserve(mo);
}

/* All that it says is in its flags: assist_settle has taken it. */
static void on_assist_park(struct model *mo, struct at *a)
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

static void assist_settle(struct model *mo, struct m *m, const struct rec *r)
{
	struct g *g = m->g;

	if (!g || !g->assist || g->state != G_RUNNING || says_nothing_of_curg(r->hook))
		return;
	if (r->goid != g->goid) {
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
	if (r->flags & REC_F_ASSIST) {
		g->assist_on = true;
		m->assist_end = NULL;
		return;
	}
	assist_close(mo, m, g);
}

/* ---- user annotations ---- */

static void on_annotation(struct model *mo, struct at *a)
{
	if (g_ensure_running(mo, a->m, a->g, NULL))
		annotate(mo, a->g, a->r, ev_stack(mo, rec_stack(mo, a->r)));
}

static void on_heap(struct model *mo, struct at *a)
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

/* ---- dispatch ---- */

enum need { NEED_G = 1, NEED_TID = 2 };

static const struct {
	void (*fn)(struct model *mo, struct at *a);
	uint8_t need;
} handlers[HOOK_BPF_END] = {
	[HOOK_EXECUTE] = { on_execute, NEED_G },
	[HOOK_PARK] = { on_park, NEED_G },
	[HOOK_READY] = { on_ready, NEED_G },
	[HOOK_INJECT] = { on_inject, NEED_G },
	[HOOK_CREATE] = { on_create, NEED_G },
	[HOOK_GOSCHED] = { on_gosched, NEED_G },
	[HOOK_PREEMPT_PARK] = { on_preempt_park, NEED_G },
	[HOOK_EXIT] = { on_exit, NEED_G },
	[HOOK_COROSWITCH] = { on_coroswitch, NEED_G },
	[HOOK_SYSCALL_ENTER] = { on_syscall_enter, NEED_G },
	[HOOK_SYSCALL_BLOCK] = { on_syscall_enter, NEED_G },
	[HOOK_SYSCALL_EXIT] = { on_syscall_exit, NEED_G },
	[HOOK_SYSCALL_NOP] = { on_syscall_nop, NEED_G },
	[HOOK_ACQUIRE] = { on_acquire, 0 },
	[HOOK_RELEASE] = { on_release, 0 },
	[HOOK_HANDOFF] = { on_steal, 0 },
	[HOOK_STEAL] = { on_steal, 0 },
	[HOOK_GCWAIT] = { on_gcwait, 0 },
	[HOOK_NEEDM] = { on_needm, 0 },
	[HOOK_DROPM] = { on_dropm, NEED_G },
	[HOOK_STW_BEGIN] = { on_stw_begin, NEED_G },
	[HOOK_STW_START] = { on_stw_start, NEED_G },
	[HOOK_PROCRESIZE] = { on_procresize, NEED_G },
	[HOOK_GC_BEGIN] = { on_gc_begin, NEED_G },
	[HOOK_GC_END] = { on_gc_end, NEED_G },
	[HOOK_ASSIST_BEGIN] = { on_assist_begin, NEED_G },
	[HOOK_ASSIST_END] = { on_assist_end, NEED_G },
	[HOOK_ASSIST_PARK] = { on_assist_park, NEED_G },
	[HOOK_STARTLOCKEDM] = { on_startlockedm, NEED_G },
	[HOOK_TASK_BEGIN] = { on_annotation, NEED_G },
	[HOOK_TASK_END] = { on_annotation, NEED_G },
	[HOOK_REGION] = { on_annotation, NEED_G },
	[HOOK_LOG] = { on_annotation, NEED_G },
	[HOOK_HEAP] = { on_heap, 0 },
};

/*
 * The first record of a goroutine on a foreign thread: its creation was announced by needm. The
 * goroutine may be one that another thread gave back in between: needm waits for that.
 */
static void needm_settle(struct model *mo, struct m *m, struct g *g)
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

/* The field p of these is not a P. */
static bool p_is_other(unsigned hook)
{
	return hook >= HOOK_TASK_BEGIN && hook <= HOOK_LOG;
}

static void say_lost(struct model *mo, const struct rec *r)
{
	mo->stats.lost += r->x;
}

void apply(struct model *mo, const struct rec *r)
{
	struct at a = { .r = r };

	mo->from_pause = false;
	if (r->hook >= HOOK_BPF_END) {
		if (r->hook == HOOK_LOST)
			say_lost(mo, r);
		else if (r->hook == HOOK_NOTE && r->x <= r->len - sizeof(*r))
			gen_note(mo, (const char *)r->pcs, r->x);
		else if (r->hook == HOOK_PLAN)
			plan_change(mo, r);
		else if (mo->resuming)
			resume_snap(mo, r);
		else if (r->hook == HOOK_SNAP_P)
			(void)p_get(mo, r->p, r->x);
		return;
	}
	if (!handlers[r->hook].fn)
		return;
	if (r->stack && r->npc && stacks_tell(mo->stacks, r->stack, r->pcs, r->npc) < 0)
		mo->err = -ENOMEM;
	a.m = m_get(mo, r->tid);
	if (r->p && !p_is_other(r->hook))
		a.p = p_get(mo, r->p, r->hook == HOOK_ACQUIRE ? r->x : UINT64_MAX);
	if (!a.m || mo->err)
		return;
	if (mo->epoch)
		resume_seen(mo, a.m, r->goid ? g_find(mo, r->goid) : g_by_ptr(mo, r->g));
	assist_settle(mo, a.m, r);
	m_settle(mo, a.m, r->hook);
	if (handlers[r->hook].need & NEED_G) {
		if (goid_lawful(r->goid))
			a.g = g_get(mo, a.m, r->g, r->goid);
		else if (!r->goid)
			a.g = g_by_ptr(mo, r->g);
		if (a.g && !r->goid && a.g->state == G_NONE)
			return; /* one that ended unnamed, before this one was made in its structure */
		if (!a.g) {
			/* Its memory could not be read, or its creation was lost: a start will tell. */
			if (!mo->err)
				repaired(mo, REPAIR_IGNORED);
			return;
		}
		needm_settle(mo, a.m, a.g);
	}
	handlers[r->hook].fn(mo, &a);
}
