/*
 * textlist.c - the page's lists that are asked for: the longest of anything, one goroutine's life.
 */
#include "report/text.h"

static void text_detail(struct page *p, const struct longest_item *it, enum slowest_kind kind)
{
	if (kind == SLOWEST_STW) {
		page_name(p, it->name, "stop-the-world");
		buf_printf(p->out, " by ");
		page_goroutine(p, it->g, it->detail);
		buf_printf(p->out, ", stopped after ");
		page_ns(p, it->extra, 0);
		if (it->g2 >= 0) {
			buf_printf(p->out, ", last ");
			page_goroutine(p, it->g2, it->name2);
		}
		return;
	}
	if (it->detail) {
		page_name(p, it->detail, "");
		buf_printf(p->out, it->g < 0 ? "" : ", ");
	}
	page_goroutine(p, it->g, it->name);
}

void text_slowest(struct page *p, const struct report *r)
{
	static const char *const titles[SLOWEST_CNT] = {
		[SLOWEST_RUNNING] = "RUNNING WITHOUT A BREAK",
		[SLOWEST_RUNNABLE] = "WAITING TO RUN",
		[SLOWEST_SYSCALL] = "IN A SYSCALL",
		[SLOWEST_BLOCKED] = "BLOCKED",
		[SLOWEST_STW] = "STOPPING THE WORLD",
		[SLOWEST_GC] = "GC MARK PHASES",
		[SLOWEST_ASSIST] = "GC MARK ASSISTS",
		[SLOWEST_TASK] = "TASKS",
		[SLOWEST_REGION] = "REGIONS",
	};

	for (unsigned kind = 0; kind < SLOWEST_CNT; kind++) {
		const struct longest *l = &r->slowest.lists[kind];

		if (!l->cnt)
			continue;
		page_head(p, titles[kind], "the longest");
		for (size_t i = 0; i < l->cnt; i++) {
			page_ns(p, l->items[i].ns, 10);
			page_at(p, l->items[i].start, 14);
			buf_printf(p->out, "  ");
			text_detail(p, &l->items[i], kind);
			buf_printf(p->out, "\n");
			page_stack(p, l->items[i].stack, "                            ", 3);
		}
	}
}

static void text_span(struct page *p, const struct life_span *s)
{
	static const char *const states[GOTRACE_GO_STATE_COUNT] = {
		"?", "gone", "runnable", "running", "waiting", "syscall",
	};

	page_at(p, s->start, 14);
	page_ns(p, s->ns, 10);
	buf_printf(p->out, "  %-9s", states[s->state]);
	if (s->reason)
		buf_printf(p->out, " ");
	page_name(p, s->reason, "");
	if (s->waker >= 0) {
		buf_printf(p->out, ", woken by ");
		page_goroutine(p, s->waker, s->waker_name);
	}
	if (s->clipped)
		buf_printf(p->out, " (began before)");
	if (s->open)
		buf_printf(p->out, " (goes on)");
	buf_printf(p->out, "\n");
	page_stack(p, s->stack, "                                      ", 128);
}

void text_life(struct page *p, const struct report *r)
{
	const struct life *l = &r->life;

	buf_printf(p->out, "\nGOROUTINE %lld  ", (long long)l->id);
	if (!l->seen) {
		buf_printf(p->out, "did nothing in this time\n");
		return;
	}
	page_name(p, l->name, "(no stack seen)");
	buf_printf(p->out, "%s\n", l->ended ? ", ended" : "");
	buf_printf(p->out, "%14s%10s\n", "at", "for");
	for (size_t i = 0; i < l->cnt; i++)
		text_span(p, &l->spans[i]);
	if (l->dropped)
		buf_printf(p->out, "%14s... %llu more spans; narrow the time by --from and --to\n",
			   "", (unsigned long long)l->dropped);
}
