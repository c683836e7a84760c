/* jsonsys.c - the JSON's parts about the whole program: Ps, GC, utilisation, annotations. */
#include <stddef.h>

#include "base/scope.h"
#include "report/jsonout.h"

static const char *name_of(const struct report *r, uint64_t name)
{
	return intern_get(&r->in, (uint32_t)name);
}

static void out_series(struct json *j, const char *key, const struct series *s)
{
	unsigned used = series_used(s);

	json_object(j, key);
	json_int(j, "begin_ns", s->t0);
	json_int(j, "step_ns", s->width);
	json_num(j, "mean", series_total(s));
	json_list(j, "means");
	for (unsigned i = 0; i < used; i++)
		json_num(j, NULL, series_mean(s, i));
	json_list_end(j);
	json_object_end(j);
}

static void out_gap(struct json *j, const char *key, const struct report *r,
		    const struct procs_gap *g)
{
	static const char *const ends[] = {
		[PROCS_END_OPEN] = "open",	 [PROCS_END_UNBLOCK] = "unblock",
		[PROCS_END_CREATE] = "create",	 [PROCS_END_SYSCALL] = "syscall end",
		[PROCS_END_RUN] = "run",	 [PROCS_END_STOP] = "stop",
		[PROCS_END_UNKNOWN] = "unknown",
	};

	json_object(j, key);
	jsonout_hist(j, "times", &g->hist);
	json_list(j, "longest");
	for (size_t i = 0; i < g->longest.cnt; i++) {
		const struct longest_item *it = &g->longest.items[i];

		json_object(j, NULL);
		json_int(j, "ns", it->ns);
		json_int(j, "at_ns", it->start);
		json_str(j, "ended_by", ends[it->extra]);
		if (it->g >= 0) {
			json_int(j, "goroutine", it->g);
			json_str(j, "name", name_of(r, it->name));
			json_str(j, "had_waited_for", name_of(r, it->detail));
		}
		json_object_end(j);
	}
	json_list_end(j);
	json_object_end(j);
}

static void out_procs(struct json *j, const struct report *r)
{
	json_object(j, "processors");
	json_uint(j, "gomaxprocs", r->procs.max);
	out_series(j, "in_use", &r->procs.busy);
	out_series(j, "runnable", &r->procs.runnable);
	out_gap(j, "idle_while_runnable", r, &r->procs.waste);
	out_gap(j, "none_in_use", r, &r->procs.quiet);
	json_object_end(j);
}

static void out_stops(struct json *j, const struct report *r)
{
	const struct gc *gc = &r->gc;

	json_list(j, "stop_the_world");
	for (size_t i = 0; i < gc->stws.cnt; i++) {
		const struct gc_stw *s = tab_row(&gc->stws, i);

		json_object(j, NULL);
		json_str(j, "name", name_of(r, s->key));
		jsonout_hist(j, "times", s->hist);
		json_int(j, "stopping_ns", s->stopping);
		json_int(j, "stopping_max_ns", s->stopping_max);
		json_object_end(j);
	}
	json_list_end(j);
	json_list(j, "longest_stops");
	for (size_t i = 0; i < gc->stops.cnt; i++) {
		const struct longest_item *it = &gc->stops.items[i];

		json_object(j, NULL);
		json_int(j, "ns", it->ns);
		json_int(j, "at_ns", it->start);
		json_str(j, "name", name_of(r, it->name));
		json_int(j, "stopping_ns", it->extra);
		json_int(j, "by", it->g);
		if (it->g2 >= 0) {
			json_int(j, "straggler", it->g2);
			json_str(j, "straggler_name", name_of(r, it->name2));
			jsonout_stack(j, "straggler_stack", &r->in, it->stack);
		}
		json_object_end(j);
	}
	json_list_end(j);
}

static void out_gc(struct json *j, const struct report *r, size_t top)
{
	const struct gc *gc = &r->gc;
	SCOPED_FREE void **order = tab_sort(&gc->assisted, offsetof(struct gc_assist, ns));

	json_object(j, "gc");
	jsonout_hist(j, "mark_phases", &gc->cycles);
	out_stops(j, r);
	json_uint(j, "assists", gc->assist_cnt);
	json_int(j, "assist_ns", gc->assist_ns);
	json_list(j, "assists_by_group");
	for (size_t i = 0; order && i < gc->assisted.cnt && i < top; i++) {
		const struct gc_assist *a = order[i];

		json_object(j, NULL);
		json_str(j, "name", name_of(r, a->key));
		json_uint(j, "count", a->cnt);
		json_int(j, "total_ns", a->ns);
		json_int(j, "max_ns", a->max);
		json_object_end(j);
	}
	json_list_end(j);
	json_uint(j, "sweeps", gc->sweep_cnt);
	json_int(j, "sweep_ns", gc->sweep_ns);
	json_uint(j, "swept_bytes", gc->swept_bytes);
	json_uint(j, "reclaimed_bytes", gc->reclaimed_bytes);
	json_uint(j, "heap_max_bytes", gc->heap_max);
	json_uint(j, "goal_max_bytes", gc->goal_max);
	out_series(j, "heap_bytes", &gc->heap);
	out_series(j, "goal_bytes", &gc->goal);
	json_object_end(j);
}

static void out_mmu(struct json *j, const struct mmu *m)
{
	json_object(j, "mutator_utilisation");
	json_num(j, "mean", m->mean);
	json_bool(j, "exact", !m->coarse);
	json_list(j, "minimum");
	for (unsigned i = 0; i < MMU_WINDOWS; i++) {
		if (m->min[i] > 1)
			continue;
		json_object(j, NULL);
		json_int(j, "window_ns", mmu_windows[i]);
		json_num(j, "utilisation", m->min[i]);
		json_int(j, "at_ns", m->min_at[i]);
		json_object_end(j);
	}
	json_list_end(j);
	json_object_end(j);
}

static void out_types(struct json *j, const char *key, const struct report *r, const struct tab *t)
{
	json_list(j, key);
	for (size_t i = 0; i < t->cnt; i++) {
		const struct user_type *u = tab_row(t, i);

		json_object(j, NULL);
		json_str(j, "type", name_of(r, u->key));
		json_uint(j, "begun", u->begun);
		json_uint(j, "ended", u->ended);
		jsonout_hist(j, "times", u->hist);
		json_object_end(j);
	}
	json_list_end(j);
}

static void out_logs(struct json *j, const struct report *r)
{
	const struct user *u = &r->user;

	json_list(j, "log_categories");
	for (size_t i = 0; i < u->categories.cnt; i++) {
		const struct user_category *c = tab_row(&u->categories, i);

		json_object(j, NULL);
		json_str(j, "category", name_of(r, c->key));
		json_uint(j, "count", c->cnt);
		json_object_end(j);
	}
	json_list_end(j);
	json_list(j, "last_logs");
	for (uint64_t n = u->log_cnt > USER_LOGS ? u->log_cnt - USER_LOGS : 0; n < u->log_cnt;
	     n++) {
		const struct user_log *l = &u->logs[n % USER_LOGS];

		json_object(j, NULL);
		json_int(j, "at_ns", l->at);
		json_int(j, "goroutine", l->g);
		json_uint(j, "task", l->task);
		json_str(j, "category", name_of(r, l->category));
		json_str(j, "message", l->text);
		json_object_end(j);
	}
	json_list_end(j);
}

void jsonout_system(struct json *j, const struct report *r, size_t top)
{
	out_procs(j, r);
	out_gc(j, r, top);
	out_mmu(j, &r->mmu);
	out_types(j, "tasks", r, &r->user.tasks);
	out_types(j, "regions", r, &r->user.regions);
	out_logs(j, r);
}
