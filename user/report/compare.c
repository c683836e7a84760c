#include "report/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"

static double seconds(const struct report *r)
{
	return r->end > r->begin ? (double)(r->end - r->begin) / 1e9 : 1;
}

static void totals(struct compare *c, const struct report *a, const struct report *b)
{
	const struct hist *la = &a->wakes.latency, *lb = &b->wakes.latency;
	double sa = seconds(a), sb = seconds(b);
	const struct compare_total all[COMPARE_TOTALS] = {
		{ "seconds", "length (s)", sa, sb, false },
		{ "events_per_second", "events a second", (double)a->events / sa,
		  (double)b->events / sb, false },
		{ "created_per_second", "goroutines created a second",
		  (double)a->goros.created / sa, (double)b->goros.created / sb, false },
		{ "processors_in_use", "Ps in use", series_total(&a->procs.busy),
		  series_total(&b->procs.busy), false },
		{ "latency_p50_ns", "scheduling latency p50", (double)hist_quantile(la, .5),
		  (double)hist_quantile(lb, .5), true },
		{ "latency_p99_ns", "scheduling latency p99", (double)hist_quantile(la, .99),
		  (double)hist_quantile(lb, .99), true },
		{ "latency_max_ns", "scheduling latency max", (double)la->max, (double)lb->max,
		  true },
		{ "gc_per_second", "GC mark phases a second", (double)a->gc.cycles.cnt / sa,
		  (double)b->gc.cycles.cnt / sb, false },
		{ "stop_max_ns", "longest stop of the world",
		  a->gc.stops.cnt ? (double)a->gc.stops.items[0].ns : 0,
		  b->gc.stops.cnt ? (double)b->gc.stops.items[0].ns : 0, true },
		{ "assist_ns_per_second", "mark assists a second", (double)a->gc.assist_ns / sa,
		  (double)b->gc.assist_ns / sb, true },
		{ "heap_max_bytes", "heap at most (bytes)", (double)a->gc.heap_max,
		  (double)b->gc.heap_max, false },
		{ "syscall_p99_ns", "syscall p99", (double)hist_quantile(&a->sites.syscall, .99),
		  (double)hist_quantile(&b->sites.syscall, .99), true },
	};

	memcpy(c->totals, all, sizeof(all));
}

static uint64_t text_hash(const char *s)
{
	uint64_t h = 1;

	while (*s)
		h = num_mix(h ^ (unsigned char)*s++);
	return h;
}

/* Rows of one kind while they are put together; index: what they meet by -> row. */
struct joiner {
	struct compare_row *rows;
	size_t cnt, cap;
	struct map index;
};

static int join(struct joiner *jn, uint64_t key, const struct compare_row *row)
{
	uint64_t *at = map_find(&jn->index, key);
	int err;

	if (at) {
		jn->rows[*at].before += row->before;
		jn->rows[*at].now += row->now;
		return 0;
	}
	if (jn->cnt == jn->cap) {
		size_t cap = jn->cap ? jn->cap * 2 : 64;
		void *p = reallocarray(jn->rows, cap, sizeof(*jn->rows));

		if (!p)
			return -ENOMEM;
		jn->rows = p;
		jn->cap = cap;
	}
	err = map_put(&jn->index, key, jn->cnt);
	if (!err)
		jn->rows[jn->cnt++] = *row;
	return err;
}

static int join_groups(struct joiner *jn, const struct report *r, bool now, bool runnable)
{
	int err = 0;

	for (size_t i = 0; i < r->groups.tab.cnt && !err; i++) {
		const struct group *g = tab_row(&r->groups.tab, i);
		double v = (double)(runnable ? g->st.sched : g->st.exec) / seconds(r);
		struct compare_row row = {
			.name = intern_get(&r->in, (uint32_t)g->name), .reason = "", .of = r};

		*(now ? &row.now : &row.before) = v;
		err = join(jn, text_hash(row.name), &row);
	}
	return err;
}

static int join_sites(struct joiner *jn, const struct report *r, bool now, bool syscalls)
{
	const struct tab *t = syscalls ? &r->sites.syscalls : &r->sites.blocked;
	int err = 0;

	for (size_t i = 0; i < t->cnt && !err; i++) {
		const struct site *s = tab_row(t, i);
		struct compare_row row = { .name = "",
					   .reason = intern_get(&r->in, s->reason),
					   .of = r,
					   .stack = s->stack };
		uint64_t hash = intern_get_stack(&r->in, s->stack)->hash;

		*(now ? &row.now : &row.before) = (double)s->ns / seconds(r);
		err = join(jn, num_mix(hash ^ text_hash(row.reason)), &row);
	}
	return err;
}

static int falling(const void *a, const void *b)
{
	const struct compare_row *x = a, *y = b;

	if (x->change != y->change)
		return x->change > y->change ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int compare_rows(struct compare *c, enum compare_kind kind, const struct report *before,
			const struct report *now)
{
	struct joiner jn = { 0 };
	int err = 0;

	for (int i = 0; i < 2 && !err; i++) {
		const struct report *r = i ? now : before;

		if (kind == COMPARE_RUNNING || kind == COMPARE_RUNNABLE)
			err = join_groups(&jn, r, i, kind == COMPARE_RUNNABLE);
		else
			err = join_sites(&jn, r, i, kind == COMPARE_SYSCALL);
	}
	map_done(&jn.index);
	for (size_t i = 0; i < jn.cnt; i++)
		jn.rows[i].change = jn.rows[i].now - jn.rows[i].before;
	if (jn.cnt)
		qsort(jn.rows, jn.cnt, sizeof(*jn.rows), falling);
	c->rows[kind] = jn.rows;
	c->cnt[kind] = jn.cnt;
	return err;
}

int compare_init(struct compare *c, const struct report *before, const struct report *now)
{
	int err = 0;

	*c = (struct compare){ 0 };
	totals(c, before, now);
	for (unsigned i = 0; i < COMPARE_CNT && !err; i++)
		err = compare_rows(c, i, before, now);
	if (err)
		compare_done(c);
	return err;
}

void compare_done(struct compare *c)
{
	for (unsigned i = 0; i < COMPARE_CNT; i++)
		free(c->rows[i]);
	*c = (struct compare){ 0 };
}

static void text_value(struct page *p, double v, bool is_ns)
{
	if (is_ns)
		page_ns(p, (int64_t)v, 14);
	else
		buf_printf(p->out, "%14.*f", v < 100 ? 2 : 0, v);
}

static void text_change(struct page *p, double before, double now)
{
	if (before > 0)
		buf_printf(p->out, "%+11.1f%%", 100 * (now - before) / before);
	else
		buf_printf(p->out, "%12s", now > 0 ? "new" : "-");
}

static void text_row(struct page *p, const struct compare_row *row)
{
	page_ns(p, (int64_t)row->before, 14);
	page_ns(p, (int64_t)row->now, 14);
	text_change(p, row->before, row->now);
	buf_printf(p->out, "  ");
	p->in = &row->of->in;
	if (row->stack) {
		page_text(p, row->reason, 0);
		buf_printf(p->out, "%s", *row->reason ? " " : "");
		page_leaf(p, row->stack);
	} else {
		page_text(p,
			  *row->name	 ? row->name
			  : *row->reason ? row->reason
					 : "(no stack seen)",
			  0);
	}
	buf_printf(p->out, "\n");
}

static void text_rows(struct page *p, const struct compare *c, unsigned kind)
{
	static const char *const titles[COMPARE_CNT] = {
		"RUNNING, by entry function",
		"WAITING TO RUN, by entry function",
		"BLOCKED, by stack",
		"IN SYSCALLS, by stack",
	};
	const struct compare_row *rows = c->rows[kind];
	size_t worse = 0, better = 0, n = c->cnt[kind];

	page_head(p, titles[kind], "time per second of trace; worse first, then better");
	buf_printf(p->out, "%14s%14s%12s\n", "before", "now", "change");
	for (; worse < n && worse < p->top && rows[worse].change > 0; worse++)
		text_row(p, &rows[worse]);
	for (; better < p->top / 2 && better < n - worse && rows[n - 1 - better].change < 0;
	     better++)
		text_row(p, &rows[n - 1 - better]);
	if (worse + better < n)
		buf_printf(p->out, "%14s... %zu more\n", "", n - worse - better);
}

void compare_text(const struct compare *c, const struct text_style *style, struct buf *out)
{
	struct page p = { .out = out, .fancy = style->fancy, .top = style->top };

	page_head(&p, "COMPARED", NULL);
	buf_printf(out, "%32s%14s%14s%12s\n", "", "before", "now", "change");
	for (unsigned i = 0; i < COMPARE_TOTALS; i++) {
		const struct compare_total *t = &c->totals[i];

		buf_printf(out, "  %-30s", t->title);
		text_value(&p, t->before, t->is_ns);
		text_value(&p, t->now, t->is_ns);
		text_change(&p, t->before, t->now);
		buf_printf(out, "\n");
	}
	for (unsigned i = 0; i < COMPARE_CNT; i++)
		text_rows(&p, c, i);
}

void compare_json(const struct compare *c, struct json *j, size_t top)
{
	static const char *const keys[COMPARE_CNT] = { "running", "runnable", "blocked",
						       "syscalls" };

	json_object(j, "compare");
	for (unsigned i = 0; i < COMPARE_TOTALS; i++) {
		json_object(j, c->totals[i].key);
		json_num(j, "before", c->totals[i].before);
		json_num(j, "now", c->totals[i].now);
		json_object_end(j);
	}
	for (unsigned kind = 0; kind < COMPARE_CNT; kind++) {
		json_list(j, keys[kind]);
		for (size_t i = 0; i < c->cnt[kind] && i < top; i++) {
			const struct compare_row *row = &c->rows[kind][i];

			json_object(j, NULL);
			json_num(j, "before_ns_per_s", row->before);
			json_num(j, "now_ns_per_s", row->now);
			if (*row->name)
				json_str(j, "name", row->name);
			if (*row->reason)
				json_str(j, "reason", row->reason);
			if (row->stack) {
				const struct intern *in = &row->of->in;
				const struct intern_stack *s = intern_get_stack(in, row->stack);

				json_list(j, "stack");
				for (uint32_t k = 0; k < s->cnt; k++)
					json_str(j, NULL, intern_get(in, s->frames[k]->func));
				json_list_end(j);
			}
			json_object_end(j);
		}
		json_list_end(j);
	}
	json_object_end(j);
}
