#include "report/goros.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

void goros_init(struct goros *gs, struct intern *in, struct groups *groups)
{
	*gs = (struct goros){ .in = in, .groups = groups };
	gs->forever = intern_text(in, "forever");
}

static struct goro *goro_new(struct goros *gs, int64_t id)
{
	struct goro *g = gs->free;

	if (g)
		gs->free = g->next_free;
	else
		g = arena_alloc(&gs->arena, sizeof(*g));
	if (!g || map_put(&gs->live, (uint64_t)id, (uintptr_t)g) < 0) {
		gs->failed = true;
		return NULL;
	}
	*g = (struct goro){ .id = id };
	gs->seen++;
	gs->live_max = num_max(gs->live_max, gs->live.cnt);
	return g;
}

static void goro_release(struct goro *g)
{
	gostat_done(&g->st);
	tally_done(&g->active);
}

static void goro_free(struct goros *gs, struct goro *g)
{
	map_del(&gs->live, (uint64_t)g->id);
	goro_release(g);
	g->next_free = gs->free;
	gs->free = g;
}

void goros_done(struct goros *gs)
{
	struct map_slot s;

	for (size_t pos = 0; map_next(&gs->live, &pos, &s);)
		goro_release((struct goro *)(uintptr_t)s.val);
	map_done(&gs->live);
	map_done(&gs->syscall_ps);
	map_done(&gs->range_ps);
	arena_done(&gs->arena);
	*gs = (struct goros){ 0 };
}

/* The state that g leaves at t goes to its sums. */
static void goro_account(struct goros *gs, struct goro *g, int64_t t)
{
	int64_t ns = t - g->from;

	switch (g->state) {
	case GOTRACE_GO_RUNNING:
		g->st.exec += ns;
		break;
	case GOTRACE_GO_RUNNABLE:
		g->st.sched += ns;
		break;
	case GOTRACE_GO_WAITING:
		if (!g->forever && !tally_add(&g->st.blocks, g->reason, 1, ns))
			gs->failed = true;
		break;
	case GOTRACE_GO_SYSCALL:
		if (g->sysblock) {
			g->st.sysblock += t - g->sysblock;
			ns = g->sysblock - g->from;
		}
		g->st.syscall += ns;
		g->sysblock = 0;
		map_del(&gs->syscall_ps, (uint64_t)g->sysproc);
		break;
	default:
		break;
	}
}

/* O2: what is still open at t; a syscall as Go has it. */
static void goro_settle(struct goros *gs, struct goro *g, int64_t t)
{
	if (g->state == GOTRACE_GO_SYSCALL) {
		g->st.syscall += t - g->from;
		if (g->sysblock)
			g->st.sched += t - g->sysblock;
		g->sysblock = 0;
	} else {
		goro_account(gs, g, t);
	}
	for (uint32_t i = 0; i < g->active.cnt; i++)
		if (!tally_add(&g->st.ranges, g->active.rows[i].name, 1, t - g->active.rows[i].ns))
			gs->failed = true;
	g->active.cnt = 0;
	if (!g->st.total)
		g->st.total = t - g->create;
	g->from = t;
}

/* g begins to be known: it was in state `to` since the generation began, or is new. */
static struct goro *goro_meet(struct goros *gs, const struct gotrace_event *ev, uint8_t to)
{
	const struct gotrace_transition *tr = &ev->u.transition;
	bool fresh = tr->from == GOTRACE_GO_NOT_EXIST;
	struct goro *g = goro_new(gs, tr->resource.id);
	int64_t before;

	if (!g)
		return NULL;
	g->create = g->since = fresh ? ev->time : gs->sync;
	g->clipped = !fresh;
	if (fresh) {
		gs->created++;
		return g;
	}
	before = ev->time - gs->sync;
	if (to == GOTRACE_GO_RUNNING)
		g->st.exec = before;
	else if (to == GOTRACE_GO_RUNNABLE)
		g->st.sched = before;
	else if (to == GOTRACE_GO_SYSCALL && ev->proc == GOTRACE_NO_PROC)
		g->st.sysblock = before;
	else if (to == GOTRACE_GO_SYSCALL)
		g->st.syscall = before;
	else if (to == GOTRACE_GO_WAITING &&
		 !tally_add(&g->st.blocks, intern_name(gs->in, tr->reason), 1, before))
		gs->failed = true;
	return g;
}

/* g is in state `to` from ev on. */
static void goro_enter(struct goros *gs, struct goro *g, const struct gotrace_event *ev, uint8_t to)
{
	const struct gotrace_transition *tr = &ev->u.transition;

	g->state = to;
	g->from = ev->time;
	g->reason = intern_name(gs->in, tr->reason);
	g->stack = intern_stack(gs->in, tr->stack);
	g->forever = false;
	gs->counts[to]++;
	if (to == GOTRACE_GO_RUNNING && !g->start) {
		g->start = ev->time;
	} else if (to == GOTRACE_GO_SYSCALL) {
		g->sysproc = ev->proc;
		if (map_put(&gs->syscall_ps, (uint64_t)ev->proc, (uint64_t)g->id) < 0)
			gs->failed = true;
	} else if (to == GOTRACE_GO_WAITING && g->reason == gs->forever) {
		g->forever = true;
		goro_settle(gs, g, ev->time);
		g->end = ev->time;
	}
}

static int goros_transition(struct goros *gs, const struct gotrace_event *ev, struct stint *ret)
{
	const struct gotrace_transition *tr = &ev->u.transition;
	struct goro *g;
	uint64_t *at;
	int stint = 0;

	if (tr->from == tr->to)
		return 0;
	at = map_find(&gs->live, (uint64_t)tr->resource.id);
	g = at ? (struct goro *)(uintptr_t)*at : NULL;
	if (g) {
		*ret = (struct stint){ .g = g,
				       .start = g->since,
				       .end = ev->time,
				       .state = g->state,
				       .next = tr->to,
				       .clipped = g->clipped,
				       .reason = g->reason,
				       .stack = g->stack };
		gs->counts[g->state]--;
		goro_account(gs, g, ev->time);
		g->since = ev->time;
		g->clipped = false;
		stint = 1;
	} else {
		g = goro_meet(gs, ev, tr->to);
		if (!g)
			return 0;
	}
	if (!g->name)
		g->name = intern_root(gs->in, tr->stack);
	if (tr->to != GOTRACE_GO_NOT_EXIST) {
		goro_enter(gs, g, ev, tr->to);
		return stint;
	}
	g->state = GOTRACE_GO_NOT_EXIST;
	goro_settle(gs, g, ev->time);
	gs->ended++;
	groups_add(gs->groups, g->name, g->id, g->create, true, &g->st);
	ret->g = g;
	goro_free(gs, g); /* O1: its memory is not used again before the next event */
	return stint;
}

/* A P that goes idle leaves its goroutine blocked in the syscall. */
static void goros_proc(struct goros *gs, const struct gotrace_event *ev)
{
	const struct gotrace_transition *tr = &ev->u.transition;
	const uint64_t *id, *at;

	if (tr->from == tr->to || tr->to != GOTRACE_PROC_IDLE)
		return;
	id = map_find(&gs->syscall_ps, (uint64_t)tr->resource.id);
	if (!id)
		return;
	at = map_find(&gs->live, *id);
	if (at)
		((struct goro *)(uintptr_t)*at)->sysblock = ev->time;
	map_del(&gs->syscall_ps, (uint64_t)tr->resource.id);
}

static uint64_t range_key(int64_t p, uint32_t name)
{
	return (uint64_t)p << 32 | name;
}

static struct goro *goro_of(struct goros *gs, int64_t id)
{
	const uint64_t *at = id < 0 ? NULL : map_find(&gs->live, (uint64_t)id);

	return at ? (struct goro *)(uintptr_t)*at : NULL;
}

static void goros_range_begin(struct goros *gs, const struct gotrace_event *ev)
{
	const struct gotrace_range *r = &ev->u.range;
	uint32_t name = intern_name(gs->in, r->name);
	int64_t from = ev->kind == GOTRACE_RANGE_ACTIVE ? gs->sync : ev->time;
	struct tally_row *old;
	struct goro *g = NULL;
	bool ok = true;

	if (r->scope.kind == GOTRACE_RESOURCE_GOROUTINE) {
		g = goro_of(gs, r->scope.id);
	} else if (r->scope.kind == GOTRACE_RESOURCE_PROC) {
		g = goro_of(gs, ev->goroutine);
		if (g)
			ok = !map_put(&gs->range_ps, range_key(r->scope.id, name), (uint64_t)g->id);
	}
	if (!g)
		return;
	old = tally_find(&g->active, name);
	if (old && ev->kind == GOTRACE_RANGE_ACTIVE)
		ok &= tally_add(&g->st.ranges, name, 0, gs->sync - old->ns);
	if (old)
		old->ns = from;
	else
		ok &= tally_add(&g->active, name, 1, from);
	gs->failed |= !ok;
}

static void goros_range_end(struct goros *gs, const struct gotrace_event *ev)
{
	const struct gotrace_range *r = &ev->u.range;
	uint32_t name = intern_name(gs->in, r->name);
	struct tally_row *open;
	struct goro *g = NULL;

	if (r->scope.kind == GOTRACE_RESOURCE_GOROUTINE) {
		g = goro_of(gs, r->scope.id);
	} else if (r->scope.kind == GOTRACE_RESOURCE_PROC) {
		uint64_t key = range_key(r->scope.id, name);
		const uint64_t *id = map_find(&gs->range_ps, key);

		if (id && (int64_t)*id == ev->goroutine)
			g = goro_of(gs, ev->goroutine);
		map_del(&gs->range_ps, key);
	}
	open = g ? tally_find(&g->active, name) : NULL;
	if (!open)
		return;
	if (!tally_add(&g->st.ranges, name, 1, ev->time - open->ns))
		gs->failed = true;
	tally_del(&g->active, name);
}

int goros_feed(struct goros *gs, const struct gotrace_event *ev, struct stint *ret_stint)
{
	if (!gs->sync)
		gs->sync = ev->time;
	gs->last = ev->time;
	switch (ev->kind) {
	case GOTRACE_SYNC:
		gs->sync = ev->time;
		break;
	case GOTRACE_STATE_TRANSITION:
		if (ev->u.transition.resource.kind == GOTRACE_RESOURCE_GOROUTINE)
			return goros_transition(gs, ev, ret_stint);
		if (ev->u.transition.resource.kind == GOTRACE_RESOURCE_PROC)
			goros_proc(gs, ev);
		break;
	case GOTRACE_RANGE_BEGIN:
	case GOTRACE_RANGE_ACTIVE:
		goros_range_begin(gs, ev);
		break;
	case GOTRACE_RANGE_END:
		goros_range_end(gs, ev);
		break;
	default:
		break;
	}
	return 0;
}

void goros_restart(struct goros *gs, int64_t t)
{
	struct map_slot s;

	for (size_t pos = 0; map_next(&gs->live, &pos, &s);) {
		struct goro *g = (struct goro *)(uintptr_t)s.val;

		gostat_done(&g->st);
		g->create = g->since = g->from = t;
		g->clipped = true;
		if (g->sysblock)
			g->sysblock = t;
		for (uint32_t i = 0; i < g->active.cnt; i++)
			g->active.rows[i].ns = t;
	}
	gs->seen = gs->live.cnt;
	gs->live_max = gs->live.cnt;
	gs->created = gs->ended = 0;
	gs->sync = t;
}

void goros_finish(struct goros *gs, int64_t t)
{
	struct map_slot s;

	for (size_t pos = 0; map_next(&gs->live, &pos, &s);) {
		struct goro *g = (struct goro *)(uintptr_t)s.val;

		goro_settle(gs, g, t);
		groups_add(gs->groups, g->name, g->id, g->create, g->end != 0, &g->st);
	}
}
