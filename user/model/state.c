/*
 * state.c - the transitions of goroutines and Ps (states in model.h), each with its event.
 *
 * The rules are those of Go 1.26 internal/trace/order.go.
 */
#include "model/state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

static void *map_ptr(const struct map *m, uint64_t key)
{
	return (void *)(uintptr_t)map_get(m, key, 0);
}

static int map_put_ptr(struct map *m, uint64_t key, void *p)
{
	return map_put(m, key, (uint64_t)(uintptr_t)p);
}

/* ---- lookups ---- */

struct g *g_find(struct model *mo, uint64_t goid)
{
	return map_ptr(&mo->gs, goid);
}

struct g *g_by_ptr(const struct model *mo, uint64_t ptr)
{
	return ptr ? map_ptr(&mo->gptrs, ptr) : NULL;
}

struct p *p_find(struct model *mo, uint64_t ptr)
{
	return map_ptr(&mo->ps, ptr);
}

/* From now on g is what ptr names, and nothing else is. */
static void g_place(struct model *mo, struct g *g, uint64_t ptr)
{
	if (!ptr || (g->ptr == ptr && map_ptr(&mo->gptrs, ptr) == g))
		return;
	if (map_ptr(&mo->gptrs, g->ptr) == g)
		map_del(&mo->gptrs, g->ptr);
	g->ptr = ptr;
	if (map_put_ptr(&mo->gptrs, ptr, g) < 0)
		mo->err = -ENOMEM;
}

struct g *g_get(struct model *mo, struct m *m, uint64_t ptr, uint64_t goid)
{
	struct g *g = g_find(mo, goid), *old = ptr ? map_ptr(&mo->gptrs, ptr) : NULL;

	if (old && old != g)
		g_vanish(mo, m, old); /* its structure serves another now */
	if (g) {
		g_place(mo, g, ptr);
		return g;
	}
	g = calloc(1, sizeof(*g));
	if (!g || map_put_ptr(&mo->gs, goid, g) < 0) {
		free(g);
		mo->err = -ENOMEM;
		return NULL;
	}
	g->goid = goid;
	g->epoch = mo->epoch;
	g_place(mo, g, ptr);
	mo->stats.goroutines++;
	if (++mo->stats.live > mo->stats.max_live)
		mo->stats.max_live = mo->stats.live;
	return g;
}

void g_forget(struct model *mo, struct g *g)
{
	assert(!g->m);
	if (g->stw)
		mo->stw_open--;
	stacks_unref(mo->stacks, g->stack);
	if (map_ptr(&mo->gptrs, g->ptr) == g)
		map_del(&mo->gptrs, g->ptr);
	map_del(&mo->gs, g->goid);
	regions_forget(g);
	mo->stats.live--;
	free(g);
}

/* An id that no P has: for one whose announcement was lost. */
static uint64_t p_free_id(struct model *mo)
{
	uint64_t id = 0;
	struct p *p;

	for (size_t pos = 0; p_next(mo, &pos, &p);) {
		if (p->id >= id)
			id = p->id + 1;
	}
	return id;
}

static struct p *p_by_id(struct model *mo, uint64_t id)
{
	struct p *p;

	for (size_t pos = 0; p_next(mo, &pos, &p);) {
		if (p->id == id)
			return p;
	}
	return NULL;
}

struct p *p_get(struct model *mo, uint64_t ptr, uint64_t id)
{
	struct p *p = p_find(mo, ptr);

	if (p)
		return p;
	if (id == UINT64_MAX)
		id = map_get(&mo->p_ids, ptr, UINT64_MAX);
	if (id >= LIMIT_PS || p_by_id(mo, id))
		id = p_free_id(mo);
	p = calloc(1, sizeof(*p));
	if (!p || map_put_ptr(&mo->ps, ptr, p) < 0) {
		free(p);
		mo->err = -ENOMEM;
		return NULL;
	}
	p->ptr = ptr;
	p->id = id;
	/*
	 * A P that is new in the middle of a generation is announced on the spot: lawful as long as
	 * readers never heard of it.
	 */
	if (mo->gen) {
		EV(mo, NULL, EV_PROC_STATUS, p->id, TRACE_PROC_IDLE);
		p->changed_ts = mo->ts;
	}
	return p;
}

struct m *m_get(struct model *mo, uint64_t tid)
{
	struct m *m = map_ptr(&mo->ms, tid);

	if (m)
		return m;
	m = calloc(1, sizeof(*m));
	if (!m || map_put_ptr(&mo->ms, tid, m) < 0) {
		free(m);
		mo->err = -ENOMEM;
		return NULL;
	}
	m->tid = tid;
	m->epoch = mo->resuming ? 0 : mo->epoch;
	return m;
}

void m_resized(struct model *mo, struct m *m, bool on, uint32_t stack)
{
	stacks_ref(mo->stacks, stack);
	stacks_unref(mo->stacks, m->resize_stack);
	m->resized = on;
	m->resize_stack = stack;
}

/* ---- events ---- */

uint64_t ev_reserve(struct model *mo)
{
	if (mo->back_ts)
		return mo->back_ts++;
	mo->ts = mo->ts + 1 > mo->rec_ts ? mo->ts + 1 : mo->rec_ts;
	return mo->ts;
}

void ev_at(struct model *mo, struct m *m, uint64_t ts, unsigned type, const uint64_t *args,
	   size_t nargs)
{
	int err = genwriter_event(mo->w, m ? m->tid : TRACE_NO_M, type, ts, args, nargs);

	assert(err != -EINVAL);
	if (err < 0)
		mo->err = err;
	if (m && ts > m->last_ts)
		m->last_ts = ts;
	mo->stats.events++;
}

void ev(struct model *mo, struct m *m, unsigned type, const uint64_t *args, size_t nargs)
{
	ev_at(mo, m, ev_reserve(mo), type, args, nargs);
}

uint64_t ev_text(struct model *mo, const char *text)
{
	return genwriter_string(mo->w, text, strlen(text));
}

uint64_t ev_stack(struct model *mo, uint32_t stack)
{
	return stacks_use(mo->stacks, stack);
}

static void g_keep_stack(struct model *mo, struct g *g, uint32_t stack)
{
	if (stack == g->stack)
		return;
	stacks_ref(mo->stacks, stack);
	stacks_unref(mo->stacks, g->stack);
	g->stack = stack;
}

/* ---- Ps ---- */

void p_start(struct model *mo, struct m *m, struct p *p)
{
	assert(p->state == P_IDLE && !m->p);
	EV(mo, m, EV_PROC_START, p->id, ++p->seq);
	p->state = P_RUNNING;
	p->m = m;
	m->p = p;
	p->changed_ts = mo->ts;
}

void p_stop(struct model *mo, struct m *m)
{
	struct p *p = m->p;

	assert(p && (p->state == P_RUNNING || p->state == P_SYSCALL));
	ev(mo, m, EV_PROC_STOP, NULL, 0);
	p->state = P_IDLE;
	p->m = NULL;
	m->p = NULL;
	p->changed_ts = mo->ts;
}

void p_steal(struct model *mo, struct m *by, struct p *p)
{
	assert(p->state == P_SYSCALL || p->state == P_ABANDONED);
	EV(mo, by, EV_PROC_STEAL, p->id, ++p->seq, p->m ? p->m->tid : by ? by->tid : 0);
	if (p->m)
		p->m->p = NULL;
	p->m = NULL;
	p->state = P_IDLE;
	p->changed_ts = mo->ts;
}

/* ---- goroutines ---- */

void g_create(struct model *mo, struct m *m, struct g *g, bool blocked, uint32_t stack)
{
	uint64_t start = symbols_start_pc(mo->opts.symbols, g->startpc);
	uint32_t newstk = start ? stacks_intern(mo->stacks, &start, 1, 0, STACK_ENTRY_PC) : 0;
	bool create_blocked = blocked && mo->opts.format >= 23;

	assert(g->state == G_NONE && m->p && m->p->state == P_RUNNING);
	EV(mo, m, create_blocked ? EV_GO_CREATE_BLOCKED : EV_GO_CREATE, g->goid,
	   ev_stack(mo, newstk), ev_stack(mo, stack));
	g->state = blocked ? G_WAITING : G_RUNNABLE;
	g->coro22 = blocked && !create_blocked;
	g->seq = 0;
	g_keep_stack(mo, g, newstk);
}

void g_create_syscall(struct model *mo, struct m *m, struct g *g, uint64_t ts)
{
	assert(g->state == G_NONE && !m->g);
	EV_AT(mo, m, ts, EV_GO_CREATE_SYSCALL, g->goid);
	g->state = G_SYSCALL;
	g->seq = 0;
	g->m = m;
	m->g = g;
}

void g_start(struct model *mo, struct m *m, struct g *g)
{
	assert(g->state == G_RUNNABLE && m->p && m->p->state == P_RUNNING && !m->g);
	EV(mo, m, EV_GO_START, g->goid, ++g->seq);
	g->state = G_RUNNING;
	g->coro22 = false;
	g->m = m;
	m->g = g;
	gen_say_owed(mo, m);
}

/* What belongs to a running goroutine ends before it leaves its thread. */
static void g_leave(struct g *g, enum g_state to)
{
	struct m *m = g->m;

	g->state = (uint8_t)to;
	g->m = NULL;
	m->g = NULL;
}

/* A stop-the-world range must not outlive its goroutine's run. */
void g_close_stw(struct model *mo, struct g *g)
{
	if (!g->stw)
		return;
	ev(mo, g->m, EV_STW_END, NULL, 0);
	g->stw = false;
	g->m->stw_start = g->m->stw_woken = false;
	mo->stw_open--;
}

void g_stop(struct model *mo, struct g *g, const char *reason, uint32_t stack)
{
	assert(g->state == G_RUNNING);
	g_close_stw(mo, g);
	EV(mo, g->m, EV_GO_STOP, ev_text(mo, reason), ev_stack(mo, stack));
	if (stack)
		g_keep_stack(mo, g, stack);
	g_leave(g, G_RUNNABLE);
}

void g_block(struct model *mo, struct g *g, const char *reason, uint32_t stack)
{
	assert(g->state == G_RUNNING);
	g_close_stw(mo, g);
	EV(mo, g->m, EV_GO_BLOCK, ev_text(mo, reason), ev_stack(mo, stack));
	g->wait_ts = mo->ts;
	if (stack)
		g_keep_stack(mo, g, stack);
	g_leave(g, G_WAITING);
}

/* Ranges end before their goroutine does. */
static void g_close_ranges(struct model *mo, struct g *g)
{
	g_close_stw(mo, g);
	if (g->assist)
		ev(mo, g->m, EV_GC_MARK_ASSIST_END, NULL, 0);
	g->assist = false;
}

void g_destroy(struct model *mo, struct g *g)
{
	assert(g->state == G_RUNNING);
	g_close_ranges(mo, g);
	ev(mo, g->m, EV_GO_DESTROY, NULL, 0);
	g_leave(g, G_NONE);
	mo->gone_ts = mo->ts;
	g_forget(mo, g);
}

void g_syscall_begin(struct model *mo, struct g *g, uint32_t stack)
{
	struct p *p = g->m->p;

	assert(g->state == G_RUNNING && p && p->state == P_RUNNING);
	g_close_stw(mo, g);
	EV(mo, g->m, EV_GO_SYSCALL_BEGIN, ++p->seq, ev_stack(mo, stack));
	if (stack)
		g_keep_stack(mo, g, stack);
	g->state = G_SYSCALL;
	p->state = P_SYSCALL;
	p->changed_ts = mo->ts;
}

void g_syscall_end(struct model *mo, struct g *g, uint64_t ts)
{
	struct p *p = g->m->p;

	assert(g->state == G_SYSCALL && p && p->state == P_SYSCALL);
	ev_at(mo, g->m, ts ? ts : ev_reserve(mo), EV_GO_SYSCALL_END, NULL, 0);
	g->state = G_RUNNING;
	p->state = P_RUNNING;
	p->changed_ts = mo->ts;
	gen_say_owed(mo, g->m);
}

void g_syscall_end_blocked(struct model *mo, struct g *g)
{
	assert(g->state == G_SYSCALL && !(g->m->p && g->m->p->state == P_SYSCALL));
	ev(mo, g->m, EV_GO_SYSCALL_END_BLOCKED, NULL, 0);
	g_leave(g, G_RUNNABLE);
}

void g_destroy_syscall(struct model *mo, struct g *g)
{
	struct p *p = g->m->p;

	assert(g->state == G_SYSCALL);
	ev(mo, g->m, EV_GO_DESTROY_SYSCALL, NULL, 0);
	if (p && p->state == P_SYSCALL) {
		p->state = P_ABANDONED;
		p->m = NULL;
		g->m->p = NULL;
		p->changed_ts = mo->ts;
	}
	g_leave(g, G_NONE);
	mo->gone_ts = mo->ts;
	g_forget(mo, g);
}

void g_unblock(struct model *mo, struct m *by, struct g *g, uint32_t stack)
{
	assert(g->state == G_WAITING);
	/* Header 22 has no blocked creation: readers hold a new coroutine for runnable already. */
	if (!g->coro22)
		EV(mo, by, EV_GO_UNBLOCK, g->goid, ++g->seq, ev_stack(mo, stack));
	g->coro22 = false;
	g->state = G_RUNNABLE;
}

void g_switch(struct model *mo, struct g *g, struct g *next, bool destroy)
{
	struct m *m = g->m;

	assert(g->state == G_RUNNING && next->state == G_WAITING);
	if (mo->opts.format < 23 || next->coro22) {
		/* What newer readers make of a switch (Go 1.26 internal/trace/order.go, advanceGoSwitch),
		 * in events that older ones know. */
		g_unblock(mo, m, next, 0);
		if (destroy)
			g_destroy(mo, g);
		else
			g_block(mo, g, "unspecified", 0);
		g_start(mo, m, next);
		return;
	}
	if (destroy)
		g_close_ranges(mo, g);
	else
		g_close_stw(mo, g);
	EV(mo, m, destroy ? EV_GO_SWITCH_DESTROY : EV_GO_SWITCH, next->goid, ++next->seq);
	g_leave(g, destroy ? G_NONE : G_WAITING);
	if (destroy) {
		mo->gone_ts = mo->ts;
		g_forget(mo, g);
	}
	next->state = G_RUNNING;
	next->m = m;
	m->g = next;
}
