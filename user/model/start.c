/*
 * start.c - the state before the first record.
 *
 * Probes are armed first, memory is read after (docs/design.md). So a goroutine's state at the start
 * is what its first record implies; if it has none before its g was read, what was read is exact,
 * since any change would have left a record (go-runtime.md 7). The same for Ps.
 */
#include "model/state.h"

#include <errno.h>
#include <string.h>

/* What the snapshot says, by goid and by address; the records lie in mo->held. */
struct snap {
	struct map g; /* goid -> SNAP_G */
	struct map m; /* m's address -> SNAP_M */
};

static const struct rec *snap_rec(const struct map *m, uint64_t key)
{
	return (const struct rec *)(uintptr_t)map_get(m, key, 0);
}

/* m held p at the start, if neither is known to have been elsewhere. */
static void fix_p(struct model *mo, struct m *m, uint64_t ptr, enum p_state state)
{
	struct p *p;

	/* Not looked up: a later record of this thread, or the snapshot, knows. */
	if (!ptr || m->p_fixed)
		return;
	m->p_fixed = true;
	if (p_find(mo, ptr))
		return;
	p = p_get(mo, ptr, UINT64_MAX);
	if (!p)
		return;
	p->state = (uint8_t)state;
	p->m = m;
	m->p = p;
}

static void fix_p_alone(struct model *mo, uint64_t ptr, enum p_state state)
{
	struct p *p = !ptr || p_find(mo, ptr) ? NULL : p_get(mo, ptr, UINT64_MAX);

	if (p)
		p->state = (uint8_t)state;
}

/* g was in this state at the start, if nothing before says otherwise; m: where it ran. */
static void fix_g(struct model *mo, const struct rec *r, struct m *m, enum g_state state)
{
	struct g *g;

	if (!goid_lawful(r->goid) || g_find(mo, r->goid) || g_by_ptr(mo, r->g)) {
		if (m)
			m->g_fixed = true;
		return; /* or its structure was another's at the start: it came later */
	}
	g = g_get(mo, NULL, r->g, r->goid);
	if (!g)
		return;
	if (m) {
		bool free_m = !m->g_fixed;

		m->g_fixed = true;
		if (!free_m) {
			g->state = G_RUNNABLE; /* repairs do the rest */
			return;
		}
		m->g = g;
		g->m = m;
	}
	g->state = (uint8_t)state;
}

static void fix_waiting(struct model *mo, uint64_t ptr, uint64_t goid)
{
	struct rec r = { .g = ptr, .goid = goid };

	fix_g(mo, &r, NULL, G_WAITING);
}

/* An exit from a syscall: where its goroutine and P were. */
static void fix_syscall(struct model *mo, const struct rec *r, struct m *m)
{
	bool kept = r->hook == HOOK_SYSCALL_EXIT && r->p &&
		    (uint32_t)r->x == (uint32_t)(r->x >> 32);

	if (kept)
		fix_p(mo, m, r->p, P_SYSCALL);
	else if (r->hook != HOOK_SYSCALL_EXIT || mo->opts.go_minor < 26)
		m->p_fixed = true; /* it had none */
	fix_g(mo, r, m, G_SYSCALL);
}

static void fix_execute(struct model *mo, const struct snap *sn, const struct rec *r, struct m *m)
{
	const struct rec *s = snap_rec(&sn->g, r->goid);
	bool waited = s && s->ts < r->ts && GST_OF(s->gstatus) == GST_WAITING;

	fix_p(mo, m, r->p, P_RUNNING);
	m->g_fixed = true;
	fix_g(mo, r, NULL, waited ? G_WAITING : G_RUNNABLE);
}

static void infer_one(struct model *mo, const struct snap *sn, const struct rec *r)
{
	struct m *m = m_get(mo, r->tid);

	if (!m)
		return;
	if (r->hook == HOOK_EXIT && !r->goid)
		m->g_fixed = true; /* it ended before its number could be read */
	switch (r->hook) {
	case HOOK_EXECUTE:
		fix_execute(mo, sn, r, m);
		break;
	case HOOK_READY:
	case HOOK_INJECT:
	case HOOK_STARTLOCKEDM:
		fix_p(mo, m, r->p, P_RUNNING);
		fix_g(mo, r, NULL, G_WAITING);
		break;
	case HOOK_CREATE:
		fix_p(mo, m, r->p, P_RUNNING);
		fix_g(mo, r, NULL, G_NONE);
		break;
	case HOOK_COROSWITCH:
		fix_p(mo, m, r->p, P_RUNNING);
		fix_g(mo, r, m, G_RUNNING);
		fix_waiting(mo, r->x, r->y);
		break;
	case HOOK_SYSCALL_EXIT:
	case HOOK_SYSCALL_NOP:
	case HOOK_DROPM:
		fix_syscall(mo, r, m);
		break;
	case HOOK_GCWAIT:
		fix_p(mo, m, r->p, P_SYSCALL);
		break;
	case HOOK_ACQUIRE:
		m->p_fixed = true;
		fix_p_alone(mo, r->p, P_IDLE);
		break;
	case HOOK_RELEASE:
		fix_p(mo, m, r->p, P_RUNNING);
		break;
	case HOOK_HANDOFF:
	case HOOK_STEAL:
		/* Taken from a syscall; whose, the snapshot may still tell: none is lawful, too. */
		fix_p_alone(mo, r->p, P_ABANDONED);
		break;
	case HOOK_NEEDM:
		m->p_fixed = m->g_fixed = true;
		break;
	case HOOK_HEAP:
		break;
	default:
		if (r->hook >= HOOK_BPF_END)
			return;
		/* All others are told by the goroutine that runs here. */
		fix_p(mo, m, r->p, P_RUNNING);
		if (r->g)
			fix_g(mo, r, m, G_RUNNING);
		break;
	}
}

static void infer_snap_p(struct model *mo, const struct rec *r)
{
	struct p *p = p_find(mo, r->p);
	struct m *m;

	if (p)
		return;
	p = p_get(mo, r->p, r->x);
	if (!p || r->y != PST_RUNNING || !r->tid)
		return;
	m = m_get(mo, r->tid);
	if (!m || m->p_fixed || m->p)
		return;
	p->state = P_RUNNING;
	p->m = m;
	m->p = p;
}

/* Up to 1.25 a P in a syscall has status 2 and is known by its last holder's oldp alone. */
static void infer_snap_m(struct model *mo, const struct rec *r)
{
	struct p *p = r->y ? p_find(mo, r->y) : NULL;
	struct m *m;

	if (!p || p->state != P_IDLE || r->p || !r->tid)
		return;
	m = m_get(mo, r->tid);
	if (!m || m->p_fixed || m->p || !m->g || m->g->state != G_SYSCALL)
		return;
	p->state = P_SYSCALL;
	p->m = m;
	m->p = p;
}

static void infer_snap_g(struct model *mo, const struct rec *r)
{
	struct g *g = g_find(mo, r->goid);
	uint32_t status = GST_OF(r->gstatus);
	bool fresh = !g;
	struct m *m;

	if (!goid_lawful(r->goid) || (fresh && g_by_ptr(mo, r->g)))
		return;
	if (fresh) {
		g = g_get(mo, NULL, r->g, r->goid);
		if (!g)
			return;
		g->state = status == GST_RUNNABLE ? G_RUNNABLE : G_WAITING;
		if (status == GST_RUNNING || status == GST_SYSCALL || status == GST_COPYSTACK) {
			g->state = G_RUNNABLE;
			m = r->tid ? m_get(mo, r->tid) : NULL;
			if (m && !m->g_fixed && !m->g) {
				m->g = g;
				g->m = m;
				g->state = status == GST_SYSCALL ? G_SYSCALL : G_RUNNING;
			}
		}
	}
	if (g->state == G_NONE)
		return; /* created after the start */
	g->startpc = r->x;
	/* The stack that was read is the stack at the start only if nothing happened in between. */
	if (fresh && g->state != G_RUNNING && r->npc) {
		g->stack = stacks_intern(mo->stacks, r->pcs, r->npc,
					 status == GST_SYSCALL ? 1 : 0,
					 r->flags & REC_F_SCHED_PC ? STACK_ENTRY_PC : 0);
		stacks_ref(mo->stacks, g->stack);
	}
}

/* A thread's P and goroutine must fit together (M2). */
static void infer_agree(struct m *m)
{
	/* It took a P before its goroutine acted: that one returned from a syscall. */
	if (m->g && m->g->state == G_RUNNING && !m->p && m->p_fixed)
		m->g->state = G_SYSCALL;
	m->old_syscall = m->g && m->g->state == G_SYSCALL;
	if (m->p && m->p->state != P_IDLE) {
		if (m->g && m->g->state == G_SYSCALL)
			m->p->state = P_SYSCALL;
		else if (m->p->state == P_SYSCALL && (m->g || m->g_fixed))
			m->p->state = P_RUNNING; /* its first record was before that syscall */
		else if (m->p->state == P_SYSCALL) {
			m->p->state = P_ABANDONED;
			m->p->m = NULL;
			m->p = NULL;
		}
	}
	if (m->g && m->g->state == G_RUNNING && !m->p) {
		m->g->state = G_RUNNABLE;
		m->g->m = NULL;
		m->g = NULL;
	}
}

#define HELD_EACH(mo, r)                                                                           \
	for (size_t off_ = 0;                                                                      \
	     off_ < (mo)->held.len && ((r) = (const struct rec *)((mo)->held.p + off_), true);     \
	     off_ += (r)->len)

/*
 * Records that name a goroutine by its structure alone get the goid: of the one that was last seen
 * in it, else of the next, unless that one is created only then; the snapshot is the last word.
 */
static void name_gs(struct model *mo, const struct snap *sn)
{
	struct map first = { 0 }, now = { 0 };
	const struct rec *c;
	struct map_slot slot;
	int err = 0;

	HELD_EACH(mo, c) {
		if (c->hook < HOOK_BPF_END && c->goid && !map_find(&first, c->g))
			err |= map_put(&first, c->g, c->hook == HOOK_CREATE ? 0 : c->goid);
	}
	for (size_t pos = 0; map_next(&sn->g, &pos, &slot);) {
		c = snap_rec(&sn->g, slot.key);
		if (!map_find(&first, c->g))
			err |= map_put(&first, c->g, c->goid);
	}
	HELD_EACH(mo, c) {
		/* The buffer is the model's own copy. */
		struct rec *r = (struct rec *)(uintptr_t)c;

		if (r->hook >= HOOK_BPF_END || !r->g)
			continue;
		if (!r->goid)
			r->goid = map_get(&now, r->g, map_get(&first, r->g, 0));
		else
			err |= map_put(&now, r->g, r->goid);
		if (r->hook == HOOK_EXIT)
			err |= map_put(&now, r->g, 0);
	}
	map_done(&first);
	map_done(&now);
	if (err)
		mo->err = -ENOMEM;
}

void start_infer(struct model *mo)
{
	struct snap sn = { 0 };
	const struct rec *r;
	struct m *m;

	HELD_EACH(mo, r) {
		uint64_t at = (uint64_t)(uintptr_t)r;

		if ((r->hook == HOOK_SNAP_G && map_put(&sn.g, r->goid, at) < 0) ||
		    (r->hook == HOOK_SNAP_M && map_put(&sn.m, r->m, at) < 0) ||
		    (r->hook == HOOK_SNAP_P && map_put(&mo->p_ids, r->p, r->x) < 0))
			mo->err = -ENOMEM;
		if (r->hook == HOOK_SNAP_GC) {
			mo->gc_active = r->x != 0;
			mo->procs = r->y;
		}
	}
	name_gs(mo, &sn);
	HELD_EACH(mo, r) {
		if (r->hook < HOOK_BPF_END)
			infer_one(mo, &sn, r);
	}
	HELD_EACH(mo, r) {
		if (r->hook == HOOK_SNAP_P)
			infer_snap_p(mo, r);
		else if (r->hook == HOOK_SNAP_G)
			infer_snap_g(mo, r);
	}
	HELD_EACH(mo, r) {
		if (r->hook == HOOK_SNAP_M)
			infer_snap_m(mo, r);
	}
	for (size_t pos = 0; m_next(mo, &pos, &m);)
		infer_agree(m);
	map_done(&sn.g);
	map_done(&sn.m);
}
