/*
 * apply.c - what each kind of record means. The table at the end is the dispatch; repair.c brings
 * the belief to where a record starts from.
 */
#include "model/apply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "image/reasons.h"

static const char *text_at(const struct model_texts *t, uint64_t i)
{
	return i < t->cnt && t->v[i][0] ? t->v[i] : "unspecified";
}

uint32_t rec_stack_skip(struct model *mo, const struct rec *r, unsigned skip)
{
	unsigned flags = r->flags & REC_F_SCHED_PC ? STACK_ENTRY_PC : 0;

	if (r->stack)
		return stacks_told(mo->stacks, r->stack, skip, flags);
	return stacks_intern(mo->stacks, r->pcs, r->npc, skip, flags);
}

uint32_t rec_stack(struct model *mo, const struct rec *r)
{
	return rec_stack_skip(mo, r, r->skip);
}

/* The goroutine starts here: the runtime labels its GC workers right behind (Go 1.26 trace.go). */
static void say_label(struct model *mo, struct m *m, uint64_t mode)
{
	static const char *const labels[] = { NULL, "GC (dedicated)", "GC (fractional)",
					      "GC (idle)" };

	if (mode > 0 && mode < ARRAY_LEN(labels))
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

const char *block_reason(const struct model *mo, const struct rec *r)
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
	a->g->assist_wait = a->g->assist && strcmp(reason, ASSIST_REASON) == 0;
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
	g_create(mo, m, a->g, GST_OF(a->r->gstatus) == GST_WAITING, rec_stack(mo, a->r));
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

/* ---- user annotations ---- */

static void on_annotation(struct model *mo, struct at *a)
{
	if (g_ensure_running(mo, a->m, a->g, NULL))
		annotate(mo, a->g, a->r, ev_stack(mo, rec_stack(mo, a->r)));
}

/* ---- dispatch ---- */

enum need { ANY_G, NEED_G };

static const struct {
	void (*fn)(struct model *mo, struct at *a);
	enum need need; /* NEED_G: a record whose goroutine is not known is ignored */
} handlers[HOOK_BPF_END] = {
	[HOOK_EXECUTE] = { on_execute, NEED_G },
	[HOOK_PARK] = { on_park, NEED_G },
	[HOOK_READY] = { on_ready, NEED_G },
	[HOOK_INJECT] = { on_ready, NEED_G },
	[HOOK_CREATE] = { on_create, NEED_G },
	[HOOK_GOSCHED] = { on_gosched, NEED_G },
	[HOOK_PREEMPT_PARK] = { on_preempt_park, NEED_G },
	[HOOK_EXIT] = { on_exit, NEED_G },
	[HOOK_COROSWITCH] = { on_coroswitch, NEED_G },
	[HOOK_SYSCALL_ENTER] = { on_syscall_enter, NEED_G },
	[HOOK_SYSCALL_BLOCK] = { on_syscall_enter, NEED_G },
	[HOOK_SYSCALL_EXIT] = { on_syscall_exit, NEED_G },
	[HOOK_SYSCALL_NOP] = { on_syscall_nop, NEED_G },
	[HOOK_ACQUIRE] = { on_acquire, ANY_G },
	[HOOK_RELEASE] = { on_release, ANY_G },
	[HOOK_HANDOFF] = { on_steal, ANY_G },
	[HOOK_STEAL] = { on_steal, ANY_G },
	[HOOK_GCWAIT] = { on_gcwait, ANY_G },
	[HOOK_NEEDM] = { on_needm, ANY_G },
	[HOOK_DROPM] = { on_dropm, NEED_G },
	[HOOK_STW_BEGIN] = { on_stw_begin, NEED_G },
	[HOOK_STW_START] = { on_stw_start, NEED_G },
	[HOOK_STW_END] = { on_stw_end, NEED_G },
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
	[HOOK_HEAP] = { on_heap, ANY_G },
};

/* The field p of these is not a P. */
static bool p_is_other(unsigned hook)
{
	return hook >= HOOK_TASK_BEGIN && hook <= HOOK_LOG;
}

void apply(struct model *mo, const struct rec *r)
{
	struct at a = { .r = r };

	mo->from_pause = false;
	if (r->hook >= HOOK_BPF_END) {
		if (r->hook == HOOK_LOST)
			mo->stats.lost += r->x;
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
	stw_settle(mo, a.m, r->hook);
	m_settle(mo, a.m, r->hook);
	if (r->hook != HOOK_SYSCALL_ENTER && r->hook != HOOK_HEAP)
		a.m->gcwait = false; /* nothing else comes before the syscall's own record */
	if (handlers[r->hook].need == NEED_G) {
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
