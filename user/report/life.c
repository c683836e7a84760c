#include "report/life.h"

#include <stdlib.h>

#include "base/limits.h"

void life_init(struct life *l, int64_t id)
{
	*l = (struct life){ .id = id };
}

void life_done(struct life *l)
{
	free(l->spans);
	*l = (struct life){ .id = -1 };
}

void life_restart(struct life *l)
{
	l->cnt = 0;
	l->dropped = 0;
	l->seen = l->ended = false;
}

static void life_add(struct life *l, const struct life_span *s)
{
	l->seen = true;
	if (l->cnt == l->cap && l->cap < LIMIT_REPORT_SPANS) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		void *p = reallocarray(l->spans, cap, sizeof(*l->spans));

		if (!p) {
			l->failed = true;
			return;
		}
		l->spans = p;
		l->cap = cap;
	}
	if (l->cnt == l->cap)
		l->dropped++;
	else
		l->spans[l->cnt++] = *s;
}

void life_feed(struct life *l, const struct gotrace_event *ev, const struct stint *st,
	       const struct goros *gs)
{
	struct life_span s;

	if (st->g->id != l->id)
		return;
	s = (struct life_span){ .start = st->start,
				.ns = st->end - st->start,
				.state = st->state,
				.clipped = st->clipped,
				.reason = st->reason,
				.stack = st->stack,
				.waker = -1 };
	if (st->state == GOTRACE_GO_WAITING) {
		s.waker = ev->goroutine;
		s.waker_name = goros_name(gs, ev->goroutine);
	} else if (st->state == GOTRACE_GO_RUNNING) {
		s.reason = s.stack = 0; /* those of how it came to run say nothing */
	}
	life_add(l, &s);
	l->name = st->g->name;
	l->create = st->g->create;
	if (st->next == GOTRACE_GO_NOT_EXIST) {
		l->ended = true;
		l->end = st->end;
	}
}

void life_finish(struct life *l, const struct goros *gs, int64_t t)
{
	const struct goro *g = l->id < 0 ? NULL : goros_find(gs, l->id);

	if (!g)
		return;
	l->name = g->name;
	l->create = g->create;
	life_add(l, &(struct life_span){ .start = g->since,
					 .ns = t - g->since,
					 .state = g->state,
					 .clipped = g->clipped,
					 .open = true,
					 .reason = g->reason,
					 .stack = g->stack,
					 .waker = -1 });
}
