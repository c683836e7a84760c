#include "report/jsonout.h"

#include <stddef.h>
#include <stdio.h>

#include "base/scope.h"

static const char *name_of(const struct report *r, uint64_t name)
{
	return intern_get(&r->in, (uint32_t)name);
}

void jsonout_hist(struct json *j, const char *key, const struct hist *h)
{
	static const struct hist none;

	if (!h)
		h = &none;
	json_object(j, key);
	json_uint(j, "count", h->cnt);
	json_int(j, "sum_ns", h->sum);
	json_int(j, "p50_ns", hist_quantile(h, .5));
	json_int(j, "p90_ns", hist_quantile(h, .9));
	json_int(j, "p99_ns", hist_quantile(h, .99));
	json_int(j, "max_ns", h->max);
	json_int(j, "max_at_ns", h->max_at);
	json_object_end(j);
}

void jsonout_stack(struct json *j, const char *key, const struct intern *in, uint32_t stack)
{
	const struct intern_stack *s = intern_get_stack(in, stack);

	json_list(j, key);
	for (uint32_t i = 0; i < s->cnt; i++) {
		json_object(j, NULL);
		json_str(j, "func", intern_get(in, s->frames[i]->func));
		json_str(j, "file", intern_get(in, s->frames[i]->file));
		json_uint(j, "line", s->frames[i]->line);
		json_object_end(j);
	}
	json_list_end(j);
}

static void out_tally(struct json *j, const char *key, const struct report *r,
		      const struct tally *t)
{
	json_object(j, key);
	for (uint32_t i = 0; i < t->cnt; i++)
		json_int(j, name_of(r, t->rows[i].name), t->rows[i].ns);
	json_object_end(j);
}

static void out_overview(struct json *j, const struct report *r, const char *name)
{
	char format[16];

	snprintf(format, sizeof(format), "1.%u", r->info.version);
	json_str(j, "file", name);
	json_str(j, "format", format);
	json_uint(j, "bytes", r->info.bytes);
	json_uint(j, "generations", r->info.generations);
	json_uint(j, "events", r->events);
	json_uint(j, "cpu_samples", r->samples);
	json_int(j, "first_ns", r->first);
	json_int(j, "begin_ns", r->begin);
	json_int(j, "end_ns", r->end);
	if (r->has_clock) {
		json_object(j, "clock");
		json_int(j, "trace_ns", r->clock.trace_ns);
		json_uint(j, "monotonic_ns", r->clock.mono_ns);
		json_int(j, "wall_sec", r->clock.wall_sec);
		json_int(j, "wall_nsec", r->clock.wall_nsec);
		json_object_end(j);
	}
	json_bool(j, "complete", !r->error.code);
	if (r->error.code) {
		json_object(j, "error");
		json_str(j, "text", r->error.text);
		if (r->error.offset != GOTRACE_NO_OFFSET)
			json_uint(j, "offset", r->error.offset);
		json_uint(j, "generation", r->error.generation);
		json_object_end(j);
	}
	json_int(j, "longest_silence_ns", r->quiet_ns);
	json_int(j, "longest_silence_at_ns", r->quiet_at);
	json_uint(j, "names_dropped", r->in.over);
	json_object(j, "goroutines");
	json_uint(j, "seen", r->goros.seen);
	json_uint(j, "live_max", r->goros.live_max);
	json_uint(j, "created", r->goros.created);
	json_uint(j, "ended", r->goros.ended);
	json_object_end(j);
}

static void out_group(struct json *j, const struct report *r, const struct group *g)
{
	json_object(j, NULL);
	json_str(j, "name", name_of(r, g->name));
	json_uint(j, "count", g->cnt);
	json_uint(j, "ended", g->ended);
	json_int(j, "total_ns", g->st.total);
	json_int(j, "running_ns", g->st.exec);
	json_int(j, "runnable_ns", g->st.sched);
	json_int(j, "syscall_ns", g->st.syscall);
	json_int(j, "syscall_blocked_ns", g->st.sysblock);
	json_int(j, "unknown_ns", g->unknown);
	out_tally(j, "blocked_ns", r, &g->st.blocks);
	out_tally(j, "ranges_ns", r, &g->st.ranges);
	jsonout_hist(j, "latency", g->latency);
	json_object_end(j);
}

static void out_groups(struct json *j, struct report *r)
{
	SCOPED_FREE void **order = tab_sort(&r->groups.tab, offsetof(struct group, st) +
								    offsetof(struct gostat, exec));

	json_list(j, "groups");
	for (size_t i = 0; order && i < r->groups.tab.cnt; i++) {
		const struct group *g = order[i];

		if (g->cnt && report_wants(r, (uint32_t)g->name))
			out_group(j, r, g);
	}
	json_list_end(j);
}

static void out_item(struct json *j, const struct report *r, const struct longest_item *it)
{
	json_object(j, NULL);
	json_int(j, "ns", it->ns);
	json_int(j, "at_ns", it->start);
	if (it->g >= 0)
		json_int(j, "goroutine", it->g);
	json_str(j, "name", name_of(r, it->name));
	json_str(j, "detail", name_of(r, it->detail));
	jsonout_stack(j, "stack", &r->in, it->stack);
	json_object_end(j);
}

static void out_items(struct json *j, const char *key, const struct report *r,
		      const struct longest *l)
{
	json_list(j, key);
	for (size_t i = 0; i < l->cnt; i++)
		out_item(j, r, &l->items[i]);
	json_list_end(j);
}

static void out_sites(struct json *j, const char *key, const struct report *r, const struct tab *t,
		      size_t top)
{
	SCOPED_FREE void **order = tab_sort(t, offsetof(struct site, ns));

	json_list(j, key);
	for (size_t i = 0; order && i < t->cnt && i < top; i++) {
		const struct site *s = order[i];

		json_object(j, NULL);
		if (t != &r->sites.syscalls)
			json_str(j, "reason", name_of(r, s->reason));
		json_uint(j, "count", s->cnt);
		json_int(j, "total_ns", s->ns);
		json_int(j, "max_ns", s->max);
		json_int(j, "max_at_ns", s->max_at);
		json_int(j, "max_goroutine", s->max_g);
		if (t == &r->sites.still)
			json_bool(j, "max_began_before", s->clipped);
		jsonout_stack(j, "stack", &r->in, s->stack);
		json_object_end(j);
	}
	json_list_end(j);
}

static void out_wakes(struct json *j, const struct report *r, size_t top)
{
	SCOPED_FREE void **order = tab_sort(&r->wakes.tab, offsetof(struct wake, cnt));

	json_list(j, "wakes");
	for (size_t i = 0; order && i < r->wakes.tab.cnt && i < top; i++) {
		const struct wake *w = order[i];

		json_object(j, NULL);
		json_bool(j, "by_runtime", w->by_runtime);
		json_str(j, "waker", name_of(r, w->waker));
		json_str(j, "woken", name_of(r, w->woken));
		json_str(j, "reason", name_of(r, w->reason));
		json_uint(j, "count", w->cnt);
		json_int(j, "waited_ns", w->ns);
		json_object_end(j);
	}
	json_list_end(j);
}

static void out_places(struct json *j, const struct report *r, const struct pool_place *head)
{
	json_list(j, "places");
	for (size_t i = 0; i < r->pools.places.cnt; i++) {
		struct pool_place *at = tab_row(&r->pools.places, i);

		if (pools_head(&r->pools, at) != head)
			continue;
		json_object(j, NULL);
		json_str(j, "func", name_of(r, at->func));
		json_str(j, "file", name_of(r, at->file));
		json_uint(j, "line", at->line);
		json_int(j, "send_blocked_ns", at->send_ns);
		json_uint(j, "send_blocked_count", at->send_cnt);
		json_int(j, "receive_blocked_ns", at->recv_ns);
		json_uint(j, "receive_blocked_count", at->recv_cnt);
		json_uint(j, "receivers_woken", at->sent);
		json_uint(j, "senders_woken", at->received);
		json_object_end(j);
	}
	json_list_end(j);
}

static void out_pools(struct json *j, const struct report *r, size_t top)
{
	SCOPED_FREE void **order = tab_sort(&r->pools.places, offsetof(struct pool_place, pool_ns));
	size_t shown = 0;

	json_list(j, "channels");
	for (size_t i = 0; order && i < r->pools.places.cnt && shown < top; i++) {
		const struct pool_place *head = order[i];

		if (head->up || !head->pool_ns)
			continue;
		json_object(j, NULL);
		json_int(j, "send_blocked_ns", head->pool_send);
		json_int(j, "receive_blocked_ns", head->pool_recv);
		out_places(j, r, head);
		json_object_end(j);
		shown++;
	}
	json_list_end(j);
}

static void out_slowest(struct json *j, const struct report *r)
{
	static const char *const keys[SLOWEST_CNT] = {
		[SLOWEST_RUNNING] = "running",	  [SLOWEST_RUNNABLE] = "runnable",
		[SLOWEST_SYSCALL] = "syscall",	  [SLOWEST_BLOCKED] = "blocked",
		[SLOWEST_STW] = "stop_the_world", [SLOWEST_GC] = "gc_mark",
		[SLOWEST_ASSIST] = "gc_assist",	  [SLOWEST_TASK] = "task",
		[SLOWEST_REGION] = "region",
	};

	json_object(j, "slowest");
	for (unsigned i = 0; i < SLOWEST_CNT; i++)
		out_items(j, keys[i], r, &r->slowest.lists[i]);
	json_object_end(j);
}

static void out_life(struct json *j, const struct report *r)
{
	const struct life *l = &r->life;

	json_object(j, "goroutine");
	json_int(j, "id", l->id);
	json_bool(j, "seen", l->seen);
	json_bool(j, "ended", l->ended);
	json_str(j, "name", name_of(r, l->name));
	json_uint(j, "spans_dropped", l->dropped);
	json_list(j, "spans");
	for (size_t i = 0; i < l->cnt; i++) {
		const struct life_span *s = &l->spans[i];

		json_object(j, NULL);
		json_int(j, "at_ns", s->start);
		json_int(j, "ns", s->ns);
		json_str(j, "state", gotrace_go_state_name(s->state));
		json_bool(j, "began_before", s->clipped);
		json_bool(j, "goes_on", s->open);
		json_str(j, "reason", name_of(r, s->reason));
		if (s->waker >= 0) {
			json_int(j, "waker", s->waker);
			json_str(j, "waker_name", name_of(r, s->waker_name));
		}
		jsonout_stack(j, "stack", &r->in, s->stack);
		json_object_end(j);
	}
	json_list_end(j);
	json_object_end(j);
}

void jsonout_report(struct json *j, struct report *r, const char *name, size_t top)
{
	json_object(j, NULL);
	out_overview(j, r, name);
	out_groups(j, r);
	if (r->opts.group)
		out_items(j, "longest_lived", r, &r->groups.lived);
	out_sites(j, "blocked", r, &r->sites.blocked, top);
	out_sites(j, "still_blocked", r, &r->sites.still, top);
	out_wakes(j, r, top);
	jsonout_hist(j, "latency", &r->wakes.latency);
	out_items(j, "latency_longest", r, &r->wakes.late);
	out_pools(j, r, top);
	jsonout_hist(j, "syscalls", &r->sites.syscall);
	out_sites(j, "syscall_sites", r, &r->sites.syscalls, top);
	jsonout_system(j, r, top);
	if (r->opts.slowest)
		out_slowest(j, r);
	if (r->opts.goroutine >= 0)
		out_life(j, r);
	json_object_end(j);
}
