#include "report/wakes.h"

#include <string.h>

#include "base/limits.h"

int wakes_init(struct wakes *w, size_t late)
{
	int err;

	memset(w, 0, sizeof(*w));
	err = tab_init(&w->tab, sizeof(struct wake), LIMIT_REPORT_ROWS);
	return err ? err : longest_init(&w->late, late);
}

void wakes_done(struct wakes *w)
{
	tab_done(&w->tab);
	longest_done(&w->late);
}

void wakes_restart(struct wakes *w)
{
	tab_reset(&w->tab);
	longest_reset(&w->late);
	w->latency = (struct hist){ 0 };
}

/* Names are fewer than 2^24 (LIMIT_REPORT_BYTES), reasons than 2^15: the runtime has dozens. */
static uint64_t wake_key(bool by_runtime, uint32_t waker, uint32_t woken, uint32_t reason)
{
	return (uint64_t)by_runtime << 63 | (uint64_t)(waker & 0xffffff) << 39 |
	       (uint64_t)(woken & 0xffffff) << 15 | (reason & 0x7fff);
}

static void wake_add(struct wakes *w, const struct gotrace_event *ev, const struct stint *st,
		     const struct goros *gs)
{
	bool by_runtime = ev->goroutine == GOTRACE_NO_GOROUTINE;
	uint32_t waker = goros_name(gs, ev->goroutine);
	struct wake *row = tab_get(&w->tab, wake_key(by_runtime, waker, st->g->name, st->reason));

	row->by_runtime = by_runtime;
	row->waker = waker;
	row->woken = st->g->name;
	row->reason = st->reason;
	row->cnt++;
	row->ns += st->end - st->start;
}

void wakes_feed(struct wakes *w, const struct gotrace_event *ev, const struct stint *st,
		const struct goros *gs, struct groups *gr)
{
	int64_t ns = st->end - st->start;

	if (st->state == GOTRACE_GO_WAITING && st->next == GOTRACE_GO_RUNNABLE) {
		wake_add(w, ev, st, gs);
		return;
	}
	/* One that was met runnable waited longer than we saw: it would spoil the quantiles. */
	if (st->state != GOTRACE_GO_RUNNABLE || st->next != GOTRACE_GO_RUNNING || st->clipped)
		return;
	hist_add(&w->latency, ns, st->start);
	groups_latency(gr, st->g->name, ns, st->start);
	if (longest_wants(&w->late, ns))
		longest_add(&w->late, &(struct longest_item){ .ns = ns,
							      .start = st->start,
							      .g = st->g->id,
							      .g2 = -1,
							      .name = st->g->name,
							      .stack = st->stack,
							      .extra = st->end });
}
