#include "report/procs.h"

#include <string.h>

int procs_init(struct procs *p, size_t keep)
{
	int err;

	memset(p, 0, sizeof(*p));
	err = longest_init(&p->waste.longest, keep);
	return err ? err : longest_init(&p->quiet.longest, keep);
}

void procs_done(struct procs *p)
{
	map_done(&p->state);
	longest_done(&p->waste.longest);
	longest_done(&p->quiet.longest);
}

static void gap_restart(struct procs_gap *g, int64_t t)
{
	if (g->since)
		g->since = t;
	g->ns = 0;
	g->hist = (struct hist){ 0 };
	g->pending.ns = 0;
	longest_reset(&g->longest);
}

void procs_restart(struct procs *p, int64_t t)
{
	series_begin(&p->busy, t, p->busy.level);
	series_begin(&p->runnable, t, p->runnable.level);
	gap_restart(&p->waste, t);
	gap_restart(&p->quiet, t);
}

static void gap_end(struct procs_gap *g, int64_t t, enum procs_end how)
{
	int64_t ns = t - g->since;

	g->ns += ns;
	hist_add(&g->hist, ns, g->since);
	if (longest_wants(&g->longest, ns))
		g->pending = (struct longest_item){
			.ns = ns, .start = g->since, .g = -1, .g2 = -1, .extra = how};
	g->since = 0;
}

static void gap_set(struct procs_gap *g, bool open, int64_t t)
{
	if (open && !g->since)
		g->since = t;
	else if (!open && g->since)
		gap_end(g, t, PROCS_END_UNKNOWN);
}

static enum procs_end end_of(const struct stint *st)
{
	if (st->next == GOTRACE_GO_RUNNING)
		return PROCS_END_RUN;
	if (st->state == GOTRACE_GO_WAITING)
		return PROCS_END_UNBLOCK;
	return st->state == GOTRACE_GO_SYSCALL ? PROCS_END_SYSCALL : PROCS_END_STOP;
}

/* C1 */
static void gap_explain(struct procs_gap *g, const struct gotrace_event *ev, const struct stint *st)
{
	if (st) {
		g->pending.g = st->g->id;
		g->pending.name = st->g->name;
		g->pending.detail = st->reason;
		g->pending.extra = end_of(st);
	} else if (ev->kind == GOTRACE_STATE_TRANSITION &&
		   ev->u.transition.resource.kind == GOTRACE_RESOURCE_GOROUTINE &&
		   ev->u.transition.from == GOTRACE_GO_NOT_EXIST) {
		g->pending.g = ev->u.transition.resource.id;
		g->pending.extra = PROCS_END_CREATE;
	} else {
		return;
	}
	longest_add(&g->longest, &g->pending);
	g->pending.ns = 0;
}

static void procs_proc(struct procs *p, const struct gotrace_transition *tr)
{
	bool now = tr->to == GOTRACE_PROC_RUNNING;
	uint64_t *was = map_find(&p->state, (uint64_t)tr->resource.id);

	if (was) {
		p->running += now;
		p->running -= *was;
		*was = now;
		return;
	}
	p->running += now;
	if (map_put(&p->state, (uint64_t)tr->resource.id, now) < 0)
		p->failed = true;
}

void procs_feed(struct procs *p, const struct gotrace_event *ev, const struct stint *st,
		const struct goros *gs)
{
	bool change = st != NULL;
	uint64_t could = gs->counts[GOTRACE_GO_RUNNABLE];

	if (ev->kind == GOTRACE_STATE_TRANSITION) {
		if (ev->u.transition.resource.kind == GOTRACE_RESOURCE_PROC)
			procs_proc(p, &ev->u.transition);
		change = true;
	} else if (ev->kind == GOTRACE_METRIC &&
		   !strcmp(ev->u.metric.name, GOTRACE_METRIC_GOMAXPROCS)) {
		p->max = ev->u.metric.value;
		p->max_said = true;
		change = true;
	}
	if (!change)
		return;
	if (!p->max_said)
		p->max = p->state.cnt;
	series_set(&p->busy, ev->time, (double)p->running);
	series_set(&p->runnable, ev->time, (double)could);
	gap_set(&p->waste, could && p->running < p->max, ev->time);
	gap_set(&p->quiet, !p->running && p->state.cnt, ev->time);
	if (p->waste.pending.ns)
		gap_explain(&p->waste, ev, st);
	if (p->quiet.pending.ns)
		gap_explain(&p->quiet, ev, st);
}

static void gap_finish(struct procs_gap *g, int64_t t)
{
	if (g->pending.ns)
		longest_add(&g->longest, &g->pending);
	g->pending.ns = 0;
	if (g->since)
		gap_end(g, t, PROCS_END_OPEN);
	if (g->pending.ns)
		longest_add(&g->longest, &g->pending);
	g->pending.ns = 0;
	longest_sort(&g->longest);
}

void procs_finish(struct procs *p, int64_t t)
{
	gap_finish(&p->waste, t);
	gap_finish(&p->quiet, t);
	series_finish(&p->busy, t);
	series_finish(&p->runnable, t);
}
