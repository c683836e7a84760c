#include "report/profile.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"

struct profile_goro {
	bool ran, tracking, has_pending;
	uint32_t stack;		/* of what began the stint */
	uint32_t pending_stack; /* E2: counts if it never runs */
	int64_t since, pending_ns;
	struct profile_goro *next_free;
};

int profile_kind_parse(const char *text, enum profile_kind *ret_kind)
{
	static const char *const names[PROFILE_CNT] = { "net", "sync", "syscall", "sched", "cpu" };

	for (unsigned i = 0; i < PROFILE_CNT; i++) {
		if (!strcmp(text, names[i])) {
			*ret_kind = i;
			return 0;
		}
	}
	return -EINVAL;
}

int profile_init(struct profile *p, enum profile_kind kind)
{
	int err;

	*p = (struct profile){ .kind = kind };
	err = intern_init(&p->in);
	return err ? err : tab_init(&p->rows, sizeof(struct profile_row), LIMIT_REPORT_ROWS);
}

void profile_done(struct profile *p)
{
	intern_done(&p->in);
	tab_done(&p->rows);
	map_done(&p->live);
	arena_done(&p->arena);
}

static void profile_add(struct profile *p, uint32_t stack, int64_t ns)
{
	struct profile_row *row = tab_get(&p->rows, stack);

	row->cnt++;
	if (num_add(row->ns, ns, &row->ns))
		row->ns = INT64_MAX;
}

static bool wants_reason(const struct profile *p, const char *reason)
{
	switch (p->kind) {
	case PROFILE_NET:
		return !strcmp(reason, "network");
	case PROFILE_SYNC:
		return strstr(reason, "chan") || strstr(reason, "sync") || strstr(reason, "select");
	default:
		return true;
	}
}

static struct profile_goro *goro_get(struct profile *p, int64_t id)
{
	const uint64_t *at = map_find(&p->live, (uint64_t)id);
	struct profile_goro *g;

	if (at)
		return (struct profile_goro *)(uintptr_t)*at;
	g = p->free;
	if (g)
		p->free = g->next_free;
	else
		g = arena_alloc(&p->arena, sizeof(*g));
	if (!g || map_put(&p->live, (uint64_t)id, (uintptr_t)g) < 0) {
		p->failed = true;
		return NULL;
	}
	*g = (struct profile_goro){ 0 };
	return g;
}

static void goro_end(struct profile *p, struct profile_goro *g, int64_t id)
{
	if (g->has_pending && !g->ran)
		profile_add(p, g->pending_stack, g->pending_ns);
	map_del(&p->live, (uint64_t)id);
	g->next_free = p->free;
	p->free = g;
}

static void stint_end(struct profile *p, struct profile_goro *g, int64_t t)
{
	g->tracking = false;
	if (g->ran) {
		profile_add(p, g->stack, t - g->since);
		return;
	}
	g->has_pending = true;
	g->pending_stack = g->stack;
	g->pending_ns = t - g->since;
}

static void profile_transition(struct profile *p, const struct gotrace_event *ev)
{
	static const uint8_t states[PROFILE_CNT] = {
		[PROFILE_NET] = GOTRACE_GO_WAITING,
		[PROFILE_SYNC] = GOTRACE_GO_WAITING,
		[PROFILE_SYSCALL] = GOTRACE_GO_SYSCALL,
		[PROFILE_SCHED] = GOTRACE_GO_RUNNABLE,
	};
	const struct gotrace_transition *tr = &ev->u.transition;
	struct profile_goro *g = goro_get(p, tr->resource.id);
	bool is = tr->to == states[p->kind];

	if (!g)
		return;
	if (g->tracking && !is) {
		stint_end(p, g, ev->time);
	} else if (!g->tracking && is && wants_reason(p, tr->reason.p)) {
		g->tracking = true;
		g->since = ev->time;
		g->stack = intern_stack(&p->in, ev->stack);
	}
	if (tr->to == GOTRACE_GO_RUNNING)
		g->ran = true;
	else if (tr->to == GOTRACE_GO_NOT_EXIST)
		goro_end(p, g, tr->resource.id);
}

void profile_feed(struct profile *p, const struct gotrace_event *ev)
{
	if (ev->time < 0)
		return; /* no clock that Go reads counts there */
	if (!p->first)
		p->first = ev->time;
	p->last = ev->time;
	if (ev->kind == GOTRACE_SYNC)
		intern_forget(&p->in);
	else if (p->kind == PROFILE_CPU && ev->kind == GOTRACE_STACK_SAMPLE)
		profile_add(p, intern_stack(&p->in, ev->stack), PROFILE_CPU_PERIOD_NS);
	else if (p->kind != PROFILE_CPU && ev->kind == GOTRACE_STATE_TRANSITION &&
		 ev->u.transition.resource.kind == GOTRACE_RESOURCE_GOROUTINE)
		profile_transition(p, ev);
}

int profile_finish(struct profile *p)
{
	struct map_slot s;

	for (size_t pos = 0; map_next(&p->live, &pos, &s);) {
		const struct profile_goro *g = (const struct profile_goro *)(uintptr_t)s.val;

		if (g->has_pending && !g->ran)
			profile_add(p, g->pending_stack, g->pending_ns);
	}
	return p->failed || p->in.failed || p->rows.failed ? -ENOMEM : 0;
}
