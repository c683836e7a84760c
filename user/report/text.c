#include "report/text.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/parse.h"
#include "base/scope.h"

enum { REASONS_SHOWN = 4, STACK_SHOWN = 6 };

static void text_clock(struct page *p, const struct report *r)
{
	int64_t ns = r->clock.wall_nsec + (r->first - r->clock.trace_ns);
	time_t sec = (time_t)(r->clock.wall_sec + ns / 1000000000);
	char day[40];
	struct tm tm;

	ns %= 1000000000;
	if (ns < 0) {
		ns += 1000000000;
		sec--;
	}
	if (!gmtime_r(&sec, &tm) || !strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm))
		return;
	buf_printf(p->out, "  began                 %s.%06lld UTC\n", day, (long long)ns / 1000);
}

static void overview(struct page *p, const struct report *r, const char *name)
{
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX];

	page_text(p, name, 0);
	buf_printf(p->out, ": Go execution trace, format 1.%u\n", r->info.version);
	if (r->has_clock)
		text_clock(p, r);
	buf_printf(p->out, "  time                  ");
	page_ns(p, r->end - r->begin, 0);
	if (r->opts.has_from || r->opts.has_to) {
		buf_printf(p->out, " (from ");
		page_at(p, r->begin, 0);
		buf_printf(p->out, " to ");
		page_at(p, r->end, 0);
		buf_printf(p->out, ")");
	}
	buf_printf(p->out, "\n  events                %s", parse_fmt_count(r->events, a));
	buf_printf(p->out, " in %s generations, %s\n", parse_fmt_count(r->info.generations, a),
		   parse_fmt_bytes(r->info.bytes, b));
	buf_printf(p->out, "  goroutines            %s, at most %s at one time",
		   parse_fmt_count(r->goros.seen, a), parse_fmt_count(r->goros.live_max, b));
	buf_printf(p->out, "; %s created, %s ended\n", parse_fmt_count(r->goros.created, a),
		   parse_fmt_count(r->goros.ended, b));
	if (r->samples)
		buf_printf(p->out, "  CPU samples           %s\n", parse_fmt_count(r->samples, a));
	if (r->error.code)
		buf_printf(p->out, "  damaged               the rest could not be read: %s\n",
			   r->error.text);
}

static void text_reasons(struct page *p, const struct tally *t, int64_t total, const char *what)
{
	struct tally copy = { 0 };

	if (!t->cnt || !tally_merge(&copy, t))
		return;
	tally_sort(&copy);
	buf_printf(p->out, "%60s%s", "", what);
	for (uint32_t i = 0; i < copy.cnt && i < REASONS_SHOWN; i++) {
		buf_printf(p->out, "%s ", i ? "," : "");
		page_name(p, copy.rows[i].name, "(unknown)");
		buf_printf(p->out, " ");
		page_ns(p, copy.rows[i].ns, 0);
		buf_printf(p->out, " ");
		page_share(p, copy.rows[i].ns, total, 0);
	}
	buf_printf(p->out, "\n");
	tally_done(&copy);
}

static void text_group(struct page *p, const struct group *g, int64_t longest)
{
	const struct gostat *st = &g->st;

	page_count(p, g->cnt, 8);
	page_ns(p, st->exec, 10);
	page_ns(p, st->sched, 10);
	page_ns(p, st->syscall + st->sysblock, 10);
	page_ns(p, tally_sum(&st->blocks), 10);
	page_ns(p, g->unknown, 10);
	buf_printf(p->out, "  ");
	page_bar(p, longest > 0 ? (double)st->exec / (double)longest : 0, 10);
	if (p->fancy)
		buf_printf(p->out, " ");
	page_name(p, (uint32_t)g->name, "(no stack seen)");
	buf_printf(p->out, "\n");
	text_reasons(p, &st->blocks, st->total, "blocked:");
	text_reasons(p, &st->ranges, st->total, "of it in:");
}

static void text_groups(struct page *p, struct report *r)
{
	SCOPED_FREE void **order = tab_sort(&r->groups.tab, offsetof(struct group, st) +
								    offsetof(struct gostat, exec));
	size_t shown = 0, wanted = 0;
	int64_t longest = 0;

	page_head(p, "GOROUTINES", "by entry function, by time running");
	buf_printf(p->out, "%8s%10s%10s%10s%10s%10s\n", "count", "running", "runnable", "syscall",
		   "blocked", "unknown");
	for (size_t i = 0; order && i < r->groups.tab.cnt; i++) {
		const struct group *g = order[i];

		if (!g->cnt || !report_wants(r, (uint32_t)g->name))
			continue;
		wanted++;
		if (!longest)
			longest = g->st.exec;
		if (shown < p->top) {
			text_group(p, g, longest);
			shown++;
		}
	}
	if (wanted > shown)
		buf_printf(p->out, "%8s... %zu more groups\n", "", wanted - shown);
}

static void text_lived(struct page *p, const struct report *r)
{
	if (!r->groups.lived.cnt)
		return;
	page_head(p, "LONGEST LIVED", "goroutines of the group");
	buf_printf(p->out, "%10s%10s%14s\n", "time", "running", "since");
	for (size_t i = 0; i < r->groups.lived.cnt; i++) {
		const struct longest_item *it = &r->groups.lived.items[i];

		page_ns(p, it->ns, 10);
		page_ns(p, it->extra, 10);
		page_at(p, it->start, 14);
		buf_printf(p->out, "  ");
		page_goroutine(p, it->g, it->name);
		buf_printf(p->out, "\n");
	}
}

static void text_site(struct page *p, const struct site *s, bool still)
{
	page_ns(p, s->ns, 10);
	page_count(p, s->cnt, 10);
	page_ns(p, s->ns / (int64_t)s->cnt, 10);
	page_ns(p, s->max, 10);
	buf_printf(p->out, "  ");
	page_name(p, s->reason, "(unknown)");
	if (still)
		buf_printf(p->out, "%s g%lld", s->clipped ? ", began before:" : ", longest:",
			   (long long)s->max_g);
	buf_printf(p->out, "\n");
	page_stack(p, s->stack, "                                            ", STACK_SHOWN);
}

static void text_sites(struct page *p, const struct tab *t, const char *head, const char *what, bool still)
{
	SCOPED_FREE void **order = tab_sort(t, offsetof(struct site, ns));

	page_head(p, head, what);
	buf_printf(p->out, "%10s%10s%10s%10s\n", "time", "count", "mean", "max");
	for (size_t i = 0; order && i < t->cnt && i < p->top; i++)
		text_site(p, order[i], still);
	if (t->cnt > p->top)
		buf_printf(p->out, "%10s... %zu more\n", "", t->cnt - p->top);
}

static void text_wakes(struct page *p, const struct report *r)
{
	SCOPED_FREE void **order = tab_sort(&r->wakes.tab, offsetof(struct wake, cnt));
	size_t cnt = r->wakes.tab.cnt;

	page_head(p, "WHO WAKES WHOM", "by count");
	buf_printf(p->out, "%10s%12s\n", "count", "mean wait");
	for (size_t i = 0; order && i < cnt && i < p->top; i++) {
		const struct wake *w = order[i];

		page_count(p, w->cnt, 10);
		page_ns(p, w->ns / (int64_t)w->cnt, 12);
		buf_printf(p->out, "  ");
		if (w->by_runtime)
			buf_printf(p->out, "(the runtime)");
		else
			page_name(p, w->waker, "(no stack seen)");
		buf_printf(p->out, " -> ");
		page_name(p, w->woken, "(no stack seen)");
		buf_printf(p->out, ", ");
		page_name(p, w->reason, "unknown reason");
		buf_printf(p->out, "\n");
	}
	if (cnt > p->top)
		buf_printf(p->out, "%10s... %zu more\n", "", cnt - p->top);
}

static void text_latency_row(struct page *p, const struct hist *h)
{
	page_count(p, h->cnt, 10);
	page_ns(p, hist_quantile(h, .5), 10);
	page_ns(p, hist_quantile(h, .9), 10);
	page_ns(p, hist_quantile(h, .99), 10);
	page_ns(p, h->max, 10);
	page_at(p, h->max_at, 14);
}

static void text_latency(struct page *p, struct report *r)
{
	SCOPED_FREE void **order = tab_sort(&r->groups.tab, offsetof(struct group, st) +
								    offsetof(struct gostat, sched));
	size_t shown = 0;

	page_head(p, "SCHEDULING LATENCY", "from runnable to running");
	buf_printf(p->out, "%10s%10s%10s%10s%10s%14s\n", "count", "p50", "p90", "p99", "max", "at");
	if (r->wakes.latency.cnt)
		text_latency_row(p, &r->wakes.latency);
	buf_printf(p->out, "  all\n");
	for (size_t i = 0; order && i < r->groups.tab.cnt && shown < p->top; i++) {
		const struct group *g = order[i];

		if (!g->latency || !report_wants(r, (uint32_t)g->name))
			continue;
		text_latency_row(p, g->latency);
		buf_printf(p->out, "  ");
		page_name(p, (uint32_t)g->name, "(no stack seen)");
		buf_printf(p->out, "\n");
		shown++;
	}
}

static void text_place(struct page *p, const struct pool_place *at)
{
	buf_printf(p->out, "%32s", "");
	if (at->send_cnt || at->sent)
		buf_printf(p->out, "send    ");
	else
		buf_printf(p->out, "receive ");
	page_name(p, at->func, "?");
	buf_printf(p->out, ":%u blocked ", at->line);
	page_ns(p, at->send_ns + at->recv_ns, 0);
	buf_printf(p->out, " in %llu waits\n", (unsigned long long)(at->send_cnt + at->recv_cnt));
}

static const char *pool_verdict(const struct pool_place *head)
{
	if (head->pool_send > 2 * head->pool_recv)
		return "senders wait: too few or too slow receivers";
	if (head->pool_recv > 2 * head->pool_send)
		return "receivers wait: too few or too slow senders";
	return "balanced";
}

static void text_pools(struct page *p, const struct report *r)
{
	SCOPED_FREE void **order = tab_sort(&r->pools.places, offsetof(struct pool_place, pool_ns));
	size_t shown = 0;

	if (!r->pools.places.cnt)
		return;
	page_head(p, "CHANNELS", "places that meet on one channel, by time blocked");
	buf_printf(p->out, "%15s%15s\n", "senders wait", "receivers wait");
	for (size_t i = 0; order && i < r->pools.places.cnt && shown < p->top; i++) {
		struct pool_place *head = order[i];

		if (head->up || !head->pool_ns)
			continue;
		page_ns(p, head->pool_send, 15);
		page_ns(p, head->pool_recv, 15);
		buf_printf(p->out, "  %s\n", pool_verdict(head));
		for (size_t j = 0; j < r->pools.places.cnt; j++) {
			struct pool_place *at = tab_row(&r->pools.places, j);

			if (pools_head(&r->pools, at) == head)
				text_place(p, at);
		}
		shown++;
	}
}

void text_goroutines(struct page *p, struct report *r)
{
	text_groups(p, r);
	text_lived(p, r);
	text_sites(p, &r->sites.blocked, "BLOCKED", "by stack, by time; waits that ended", false);
	if (r->sites.still.cnt)
		text_sites(p, &r->sites.still, "STILL BLOCKED", "at the end, by stack, by time", true);
	text_wakes(p, r);
	text_latency(p, r);
	text_pools(p, r);
}

void text_overview(const struct report *r, const char *name, const struct text_style *style,
		   struct buf *out)
{
	struct page p = { .out = out, .in = &r->in, .fancy = style->fancy, .t0 = r->first };

	overview(&p, r, name);
}

int text_report(struct report *r, const char *name, const struct text_style *style, struct buf *out)
{
	struct page p = {
		.out = out, .in = &r->in, .fancy = style->fancy, .top = style->top, .t0 = r->first};

	overview(&p, r, name);
	if (r->opts.goroutine >= 0) {
		text_life(&p, r);
	} else if (r->opts.slowest) {
		text_slowest(&p, r);
	} else {
		text_goroutines(&p, r);
		text_system(&p, r);
	}
	text_gaps(&p, r);
	return out->failed ? -ENOMEM : 0;
}
