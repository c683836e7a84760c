/* textsys.c - the page's sections about the whole program: Ps, GC, syscalls, annotations, gaps. */
#include <stddef.h>
#include <stdio.h>

#include "base/parse.h"
#include "base/scope.h"
#include "report/text.h"

static void text_gap_end(struct page *p, const struct longest_item *it)
{
	static const char *const how[] = {
		[PROCS_END_OPEN] = "lasts until the end",
		[PROCS_END_UNBLOCK] = "woken: ",
		[PROCS_END_CREATE] = "created: ",
		[PROCS_END_SYSCALL] = "back from a syscall: ",
		[PROCS_END_RUN] = "ran: ",
		[PROCS_END_STOP] = "stopped: ",
		[PROCS_END_UNKNOWN] = "a P started",
	};

	buf_printf(p->out, "%s", how[it->extra]);
	page_goroutine(p, it->g, it->name);
	if (it->extra == PROCS_END_UNBLOCK && it->detail) {
		buf_printf(p->out, ", had waited for ");
		page_name(p, it->detail, "");
	}
}

static void text_gap(struct page *p, const struct procs_gap *g, int64_t all, const char *what)
{
	char t[PARSE_TEXT_MAX];

	buf_printf(p->out, "  %s: ", what);
	page_ns(p, g->ns, 0);
	buf_printf(p->out, " (");
	page_share(p, g->ns, all, 0);
	buf_printf(p->out, ") in %s intervals", parse_fmt_count(g->hist.cnt, t));
	if (!g->hist.cnt) {
		buf_printf(p->out, "\n");
		return;
	}
	buf_printf(p->out, ", p50 ");
	page_ns(p, hist_quantile(&g->hist, .5), 0);
	buf_printf(p->out, ", p99 ");
	page_ns(p, hist_quantile(&g->hist, .99), 0);
	buf_printf(p->out, ", max ");
	page_ns(p, g->hist.max, 0);
	buf_printf(p->out, "\n");
	for (size_t i = 0; i < g->longest.cnt && i < p->top; i++) {
		page_ns(p, g->longest.items[i].ns, 12);
		page_at(p, g->longest.items[i].start, 14);
		buf_printf(p->out, "  ");
		text_gap_end(p, &g->longest.items[i]);
		buf_printf(p->out, "\n");
	}
}

static void text_procs(struct page *p, const struct report *r)
{
	const struct procs *c = &r->procs;
	int64_t all = r->end - r->begin;

	page_head(p, "PROCESSORS", NULL);
	page_spark(p, "Ps in use", &c->busy, (double)c->max);
	buf_printf(p->out, " %.2f of %llu on average\n", series_total(&c->busy),
		   (unsigned long long)c->max);
	page_spark(p, "runnable goroutines", &c->runnable, 0);
	buf_printf(p->out, " %.2f on average\n", series_total(&c->runnable));
	text_gap(p, &c->waste, all, "a P idle while a goroutine could run");
	text_gap(p, &c->quiet, all, "no P in use");
}

static void text_stws(struct page *p, const struct gc *gc)
{
	char t[PARSE_TEXT_MAX];

	for (size_t i = 0; i < gc->stws.cnt; i++) {
		const struct gc_stw *s = tab_row(&gc->stws, i);

		if (!s->hist)
			continue;
		buf_printf(p->out, "  ");
		page_name(p, (uint32_t)s->key, "stop-the-world");
		buf_printf(p->out, ": %s times, ", parse_fmt_count(s->hist->cnt, t));
		page_ns(p, s->hist->sum, 0);
		buf_printf(p->out, ", max ");
		page_ns(p, s->hist->max, 0);
		buf_printf(p->out, "; of it stopping ");
		page_ns(p, s->stopping, 0);
		buf_printf(p->out, ", max ");
		page_ns(p, s->stopping_max, 0);
		buf_printf(p->out, "\n");
	}
	for (size_t i = 0; i < gc->stops.cnt && i < p->top; i++) {
		const struct longest_item *it = &gc->stops.items[i];

		page_ns(p, it->ns, 12);
		page_at(p, it->start, 14);
		buf_printf(p->out, "  ");
		page_name(p, it->name, "stop-the-world");
		buf_printf(p->out, ", stopped after ");
		page_ns(p, it->extra, 0);
		if (it->g2 >= 0) {
			buf_printf(p->out, ", last: ");
			page_goroutine(p, it->g2, it->name2);
			buf_printf(p->out, " in ");
			page_leaf(p, it->stack);
		}
		buf_printf(p->out, "\n");
	}
}

static void text_assists(struct page *p, const struct gc *gc)
{
	SCOPED_FREE void **order = tab_sort(&gc->assisted, offsetof(struct gc_assist, ns));
	char t[PARSE_TEXT_MAX];

	buf_printf(p->out, "  mark assists: %s, ", parse_fmt_count(gc->assist_cnt, t));
	page_ns(p, gc->assist_ns, 0);
	buf_printf(p->out, "\n");
	for (size_t i = 0; order && i < gc->assisted.cnt && i < p->top; i++) {
		const struct gc_assist *a = order[i];

		page_ns(p, a->ns, 12);
		page_count(p, a->cnt, 10);
		buf_printf(p->out, "  max ");
		page_ns(p, a->max, -9);
		page_name(p, (uint32_t)a->key, "(no stack seen)");
		buf_printf(p->out, "\n");
	}
}

static void text_gc(struct page *p, const struct report *r)
{
	const struct gc *gc = &r->gc;
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX];

	page_head(p, "GARBAGE COLLECTOR", NULL);
	buf_printf(p->out, "  mark phases: %s, ", parse_fmt_count(gc->cycles.cnt, a));
	page_ns(p, gc->cycles.sum, 0);
	buf_printf(p->out, ", p50 ");
	page_ns(p, hist_quantile(&gc->cycles, .5), 0);
	buf_printf(p->out, ", max ");
	page_ns(p, gc->cycles.max, 0);
	buf_printf(p->out, "\n");
	if (gc->heap.width) {
		page_spark(p, "heap", &gc->heap, (double)gc->heap_max);
		buf_printf(p->out, " at most %s\n", parse_fmt_bytes(gc->heap_max, a));
	}
	if (gc->goal.width) {
		page_spark(p, "goal", &gc->goal, (double)gc->goal_max);
		buf_printf(p->out, " at most %s\n", parse_fmt_bytes(gc->goal_max, a));
	}
	text_stws(p, gc);
	text_assists(p, gc);
	buf_printf(p->out, "  sweeps: %s, ", parse_fmt_count(gc->sweep_cnt, a));
	page_ns(p, gc->sweep_ns, 0);
	buf_printf(p->out, ", %s swept", parse_fmt_bytes(gc->swept_bytes, a));
	buf_printf(p->out, ", %s reclaimed\n", parse_fmt_bytes(gc->reclaimed_bytes, b));
}

static void text_mmu(struct page *p, const struct report *r)
{
	const struct mmu *m = &r->mmu;

	if (!m->begin)
		return;
	page_head(p, "MINIMUM MUTATOR UTILISATION", "the program's share of the Ps, at worst");
	buf_printf(p->out, "%10s%10s%14s\n", "window", "least", "at");
	for (unsigned i = 0; i < MMU_WINDOWS; i++) {
		if (m->min[i] > 1)
			continue;
		page_ns(p, mmu_windows[i], 10);
		buf_printf(p->out, "%9.1f%%", 100 * m->min[i]);
		page_at(p, m->min_at[i], 14);
		buf_printf(p->out, "%s", p->fancy ? "  " : "");
		page_bar(p, m->min[i], 20);
		buf_printf(p->out, "\n");
	}
	buf_printf(p->out, "  mean %.1f%%%s\n", 100 * m->mean,
		   m->coarse ? "; too many changes to look at all" : "");
}

static void text_syscalls(struct page *p, const struct report *r)
{
	const struct sites *s = &r->sites;
	SCOPED_FREE void **order = tab_sort(&s->syscalls, offsetof(struct site, ns));
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX];

	page_head(p, "SYSCALLS", "by stack, by time");
	buf_printf(p->out, "  %s, %s of 1ms and more; p50 ", parse_fmt_count(s->syscall.cnt, a),
		   parse_fmt_count(s->slow_cnt, b));
	page_ns(p, hist_quantile(&s->syscall, .5), 0);
	buf_printf(p->out, ", p99 ");
	page_ns(p, hist_quantile(&s->syscall, .99), 0);
	buf_printf(p->out, ", max ");
	page_ns(p, s->syscall.max, 0);
	buf_printf(p->out, "\n%10s%10s%10s%10s\n", "time", "count", "mean", "max");
	for (size_t i = 0; order && i < s->syscalls.cnt && i < p->top; i++) {
		const struct site *row = order[i];

		page_ns(p, row->ns, 10);
		page_count(p, row->cnt, 10);
		page_ns(p, row->ns / (int64_t)row->cnt, 10);
		page_ns(p, row->max, 10);
		buf_printf(p->out, "\n");
		page_stack(p, row->stack, "                                            ", 6);
	}
	if (s->syscalls.cnt > p->top)
		buf_printf(p->out, "%10s... %zu more\n", "", s->syscalls.cnt - p->top);
}

static void text_types(struct page *p, const struct tab *t, const char *title)
{
	if (!t->cnt)
		return;
	page_head(p, title, "by type");
	buf_printf(p->out, "%10s%10s%10s%10s%10s%10s%14s\n", "begun", "ended", "p50", "p90", "p99",
		   "max", "at");
	for (size_t i = 0; i < t->cnt && i < p->top; i++) {
		const struct user_type *u = tab_row(t, i);

		page_count(p, u->begun, 10);
		page_count(p, u->ended, 10);
		if (u->hist) {
			page_ns(p, hist_quantile(u->hist, .5), 10);
			page_ns(p, hist_quantile(u->hist, .9), 10);
			page_ns(p, hist_quantile(u->hist, .99), 10);
			page_ns(p, u->hist->max, 10);
			page_at(p, u->hist->max_at, 14);
		} else {
			buf_printf(p->out, "%54s", "");
		}
		buf_printf(p->out, "  ");
		page_name(p, (uint32_t)u->key, "(began before)");
		buf_printf(p->out, "\n");
	}
}

static void text_logs(struct page *p, const struct report *r)
{
	const struct user *u = &r->user;
	char t[PARSE_TEXT_MAX];

	if (!u->log_cnt)
		return;
	page_head(p, "LOGS", "by category; then the last ones");
	for (size_t i = 0; i < u->categories.cnt && i < p->top; i++) {
		const struct user_category *c = tab_row(&u->categories, i);

		buf_printf(p->out, "%10s  ", parse_fmt_count(c->cnt, t));
		page_name(p, (uint32_t)c->key, "(no category)");
		buf_printf(p->out, "\n");
	}
	for (uint64_t n = u->log_cnt > USER_LOGS ? u->log_cnt - USER_LOGS : 0; n < u->log_cnt;
	     n++) {
		const struct user_log *l = &u->logs[n % USER_LOGS];

		page_at(p, l->at, 14);
		buf_printf(p->out, "  g%lld ", (long long)l->g);
		page_name(p, l->category, "");
		buf_printf(p->out, ": ");
		page_text(p, l->text, 0);
		buf_printf(p->out, "\n");
	}
}

void text_gaps(struct page *p, const struct report *r)
{
	page_head(p, "RECORDING", NULL);
	buf_printf(p->out, "  longest time without any event: ");
	page_ns(p, r->quiet_ns, 0);
	buf_printf(p->out, " at ");
	page_at(p, r->quiet_at, 0);
	buf_printf(p->out, "\n");
	if (r->error.code && r->error.offset != GOTRACE_NO_OFFSET)
		buf_printf(p->out, "  the file ends or is damaged at offset %llu: %s\n",
			   (unsigned long long)r->error.offset, r->error.text);
	if (r->in.over)
		buf_printf(p->out, "  names and stacks beyond our limit: %llu, shown as (other)\n",
			   (unsigned long long)r->in.over);
}

void text_system(struct page *p, struct report *r)
{
	if (!r->opts.group)
		text_procs(p, r);
	text_syscalls(p, r);
	if (r->opts.group)
		return;
	text_gc(p, r);
	text_mmu(p, r);
	text_types(p, &r->user.tasks, "TASKS");
	text_types(p, &r->user.regions, "REGIONS");
	text_logs(p, r);
}
