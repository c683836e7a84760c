#include "report/gc.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"

int gc_init(struct gc *gc, size_t keep)
{
	int err;

	memset(gc, 0, sizeof(*gc));
	err = longest_init(&gc->stops, keep);
	if (!err)
		err = tab_init(&gc->stws, sizeof(struct gc_stw), LIMIT_REPORT_ROWS);
	return err ? err : tab_init(&gc->assisted, sizeof(struct gc_assist), LIMIT_REPORT_ROWS);
}

static void stws_reset(struct gc *gc)
{
	for (size_t i = 0; i < gc->stws.cnt; i++)
		free(((struct gc_stw *)tab_row(&gc->stws, i))->hist);
	tab_reset(&gc->stws);
}

void gc_done(struct gc *gc)
{
	stws_reset(gc);
	tab_done(&gc->stws);
	tab_done(&gc->assisted);
	longest_done(&gc->stops);
	map_done(&gc->assists);
	map_done(&gc->sweeps);
}

void gc_restart(struct gc *gc, int64_t t)
{
	gc->cycle_since = gc->cycle_since ? t : 0;
	if (gc->stw_since)
		gc->stw_since = gc->stw_last = t;
	map_set_all(&gc->assists, (uint64_t)t);
	map_set_all(&gc->sweeps, (uint64_t)t);
	gc->cycles = (struct hist){ 0 };
	stws_reset(gc);
	longest_reset(&gc->stops);
	tab_reset(&gc->assisted);
	gc->assist_ns = gc->sweep_ns = 0;
	gc->assist_cnt = gc->sweep_cnt = gc->swept_bytes = gc->reclaimed_bytes = 0;
	gc->heap_max = gc->heap_last;
	gc->goal_max = gc->goal_last;
	if (gc->heap.width)
		series_begin(&gc->heap, t, gc->heap.level);
	if (gc->goal.width)
		series_begin(&gc->goal, t, gc->goal.level);
}

static void gc_metric(struct gc *gc, const struct gotrace_event *ev)
{
	const struct gotrace_metric *m = &ev->u.metric;

	if (!strcmp(m->name, GOTRACE_METRIC_HEAP)) {
		gc->heap_last = m->value;
		gc->heap_max = num_max(gc->heap_max, m->value);
		series_set(&gc->heap, ev->time, (double)m->value);
	} else if (!strcmp(m->name, GOTRACE_METRIC_HEAP_GOAL)) {
		gc->goal_last = m->value;
		gc->goal_max = num_max(gc->goal_max, m->value);
		series_set(&gc->goal, ev->time, (double)m->value);
	}
}

static void stw_end(struct gc *gc, int64_t t, struct slowest *slow, const struct goros *gs)
{
	struct gc_stw *row = tab_get(&gc->stws, gc->stw_name);
	int64_t ns = t - gc->stw_since, stopping = gc->stw_last - gc->stw_since;
	struct longest_item item = {
		.ns = ns,
		.start = gc->stw_since,
		.g = gc->stw_g,
		.name = gc->stw_name,
		.detail = goros_name(gs, gc->stw_g),
		.extra = stopping,
		.g2 = gc->stw_late,
		.name2 = gc->stw_late_name,
		.stack = gc->stw_late_stack,
	};

	if (!row->hist)
		row->hist = calloc(1, sizeof(*row->hist));
	if (row->hist)
		hist_add(row->hist, ns, gc->stw_since);
	else
		gc->failed = true;
	row->stopping += stopping;
	if (stopping > row->stopping_max)
		row->stopping_max = stopping;
	longest_add(&gc->stops, &item);
	slowest_add(slow, SLOWEST_STW, &item);
	gc->stw_since = 0;
}

static void assist_end(struct gc *gc, const struct gotrace_event *ev, const struct goros *gs,
		       struct slowest *slow)
{
	int64_t id = ev->u.range.scope.id;
	const uint64_t *since = map_find(&gc->assists, (uint64_t)id);
	struct gc_assist *row;
	int64_t ns;

	if (!since)
		return;
	ns = ev->time - (int64_t)*since;
	row = tab_get(&gc->assisted, goros_name(gs, id));
	row->cnt++;
	row->ns += ns;
	if (ns > row->max)
		row->max = ns;
	gc->assist_cnt++;
	gc->assist_ns += ns;
	if (slowest_wants(slow, SLOWEST_ASSIST, ns))
		slowest_add(slow, SLOWEST_ASSIST,
			    &(struct longest_item){ .ns = ns,
						    .start = (int64_t)*since,
						    .g = id,
						    .g2 = -1,
						    .name = goros_name(gs, id) });
	map_del(&gc->assists, (uint64_t)id);
}

static void sweep_end(struct gc *gc, const struct gotrace_event *ev)
{
	const struct gotrace_range *r = &ev->u.range;
	const uint64_t *since = map_find(&gc->sweeps, (uint64_t)r->scope.id);

	gc->swept_bytes += r->swept_bytes;
	gc->reclaimed_bytes += r->reclaimed_bytes;
	gc->sweep_cnt++;
	if (since)
		gc->sweep_ns += ev->time - (int64_t)*since;
	map_del(&gc->sweeps, (uint64_t)r->scope.id);
}

enum range_kind { RANGE_STW, RANGE_MARK, RANGE_ASSIST, RANGE_SWEEP };

static enum range_kind kind_of(const struct gotrace_range *r)
{
	if (r->scope.kind == GOTRACE_RESOURCE_NONE)
		return RANGE_MARK;
	if (r->scope.kind == GOTRACE_RESOURCE_PROC)
		return RANGE_SWEEP;
	return r->name.p[0] == 's' ? RANGE_STW : RANGE_ASSIST;
}

static void range_begin(struct gc *gc, const struct gotrace_event *ev, struct intern *in, int64_t t)
{
	const struct gotrace_range *r = &ev->u.range;
	int err = 0;

	switch (kind_of(r)) {
	case RANGE_STW:
		gc->stw_since = gc->stw_last = t;
		gc->stw_name = intern_name(in, r->name);
		gc->stw_g = r->scope.id;
		gc->stw_late = -1;
		gc->stw_late_name = gc->stw_late_stack = 0;
		break;
	case RANGE_MARK:
		if (!gc->cycle_since)
			gc->cycle_since = t;
		break;
	case RANGE_ASSIST:
		if (!map_find(&gc->assists, (uint64_t)r->scope.id))
			err = map_put(&gc->assists, (uint64_t)r->scope.id, (uint64_t)t);
		break;
	case RANGE_SWEEP:
		if (!map_find(&gc->sweeps, (uint64_t)r->scope.id))
			err = map_put(&gc->sweeps, (uint64_t)r->scope.id, (uint64_t)t);
		break;
	}
	if (err < 0)
		gc->failed = true;
}

static void range_end(struct gc *gc, const struct gotrace_event *ev, const struct goros *gs,
		      struct slowest *slow)
{
	int64_t ns = ev->time - gc->cycle_since;

	switch (kind_of(&ev->u.range)) {
	case RANGE_STW:
		if (gc->stw_since)
			stw_end(gc, ev->time, slow, gs);
		break;
	case RANGE_MARK:
		if (!gc->cycle_since)
			break;
		hist_add(&gc->cycles, ns, gc->cycle_since);
		slowest_add(slow, SLOWEST_GC,
			    &(struct longest_item){
				    .ns = ns, .start = gc->cycle_since, .g = -1, .g2 = -1});
		gc->cycle_since = 0;
		break;
	case RANGE_ASSIST:
		assist_end(gc, ev, gs, slow);
		break;
	case RANGE_SWEEP:
		sweep_end(gc, ev);
		break;
	}
}

/* Y1 */
static void stw_watch(struct gc *gc, const struct gotrace_event *ev, const struct stint *st,
		      const struct goros *gs)
{
	const struct gotrace_transition *tr = &ev->u.transition;

	if (st && st->state == GOTRACE_GO_RUNNING && st->next != GOTRACE_GO_RUNNING &&
	    st->g->id != gc->stw_g) {
		gc->stw_last = ev->time;
		gc->stw_late = st->g->id;
		gc->stw_late_name = st->g->name;
		gc->stw_late_stack = intern_stack(gs->in, tr->stack);
	} else if (ev->kind == GOTRACE_STATE_TRANSITION &&
		   tr->resource.kind == GOTRACE_RESOURCE_PROC && tr->from == GOTRACE_PROC_RUNNING &&
		   tr->to == GOTRACE_PROC_IDLE) {
		gc->stw_last = ev->time;
	}
}

void gc_feed(struct gc *gc, const struct gotrace_event *ev, const struct stint *st,
	     const struct goros *gs, struct slowest *slow)
{
	switch (ev->kind) {
	case GOTRACE_STATE_TRANSITION:
		if (gc->stw_since)
			stw_watch(gc, ev, st, gs);
		break;
	case GOTRACE_METRIC:
		gc_metric(gc, ev);
		break;
	case GOTRACE_RANGE_BEGIN:
		range_begin(gc, ev, gs->in, ev->time);
		break;
	case GOTRACE_RANGE_ACTIVE:
		range_begin(gc, ev, gs->in, gs->sync);
		break;
	case GOTRACE_RANGE_END:
		range_end(gc, ev, gs, slow);
		break;
	default:
		break;
	}
}

void gc_finish(struct gc *gc, int64_t t)
{
	series_finish(&gc->heap, t);
	series_finish(&gc->goal, t);
	longest_sort(&gc->stops);
}
