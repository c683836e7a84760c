#include "report/pools.h"

#include <string.h>

#include "base/limits.h"

int pools_init(struct pools *p, struct intern *in)
{
	memset(p, 0, sizeof(*p));
	p->send = intern_text(in, "chan send");
	p->recv = intern_text(in, "chan receive");
	return tab_init(&p->places, sizeof(struct pool_place), LIMIT_REPORT_ROWS);
}

void pools_done(struct pools *p)
{
	tab_done(&p->places);
	map_done(&p->by_stack);
}

void pools_restart(struct pools *p)
{
	tab_reset(&p->places);
	map_reset(&p->by_stack);
}

/* L1. The place's index + 1, or 0. */
static uint32_t place_make(struct pools *p, const struct intern *in, uint32_t stack)
{
	const struct intern_stack *s = intern_get_stack(in, stack);

	for (uint32_t i = 0; i < s->cnt; i++) {
		const struct intern_frame *f = s->frames[i];
		struct pool_place *row;

		if (!strncmp(intern_get(in, f->func), "runtime.", 8))
			continue;
		row = tab_get(&p->places, (uint64_t)f->func << 32 | (uint32_t)f->line);
		row->func = f->func;
		row->file = f->file;
		row->line = (uint32_t)f->line;
		return p->places.failed
			       ? 0
			       : (uint32_t)(((uint8_t *)row - p->places.rows) / p->places.size) + 1;
	}
	return 0;
}

static uint32_t place_of(struct pools *p, const struct intern *in, uint32_t stack)
{
	const uint64_t *known = map_find(&p->by_stack, stack);
	uint32_t at;

	if (known)
		return (uint32_t)*known;
	at = place_make(p, in, stack);
	if (map_put(&p->by_stack, stack, at) < 0)
		p->failed = true;
	return at;
}

struct pool_place *pools_head(const struct pools *p, struct pool_place *at)
{
	while (at->up) {
		struct pool_place *up = tab_row(&p->places, at->up - 1);

		if (up->up)
			at->up = up->up; /* shorter next time */
		at = up;
	}
	return at;
}

static void link_places(struct pools *p, uint32_t a, uint32_t b)
{
	struct pool_place *x = pools_head(p, tab_row(&p->places, a - 1));
	struct pool_place *y = pools_head(p, tab_row(&p->places, b - 1));

	if (x != y)
		y->up = (uint32_t)(((uint8_t *)x - p->places.rows) / p->places.size) + 1;
}

/* L2: did this stack send (or receive) on a channel, and nothing else? */
static bool is_plain(const struct intern *in, uint32_t stack, const char *op)
{
	const struct intern_stack *s = intern_get_stack(in, stack);

	return s->cnt && !strncmp(intern_get(in, s->frames[0]->func), op, strlen(op));
}

static void place_blocked(struct pools *p, uint32_t at, bool send, int64_t ns)
{
	struct pool_place *row = tab_row(&p->places, at - 1);

	row->send_cnt += send;
	row->recv_cnt += !send;
	*(send ? &row->send_ns : &row->recv_ns) += ns;
}

void pools_feed(struct pools *p, const struct gotrace_event *ev, const struct stint *st,
		struct intern *in)
{
	bool send = st->reason == p->send;
	uint32_t at, by, waker;

	if (st->state != GOTRACE_GO_WAITING || (!send && st->reason != p->recv))
		return;
	at = place_of(p, in, st->stack);
	if (!at)
		return;
	place_blocked(p, at, send, st->end - st->start);
	if (!ev->stack || ev->goroutine == GOTRACE_NO_GOROUTINE)
		return;
	waker = intern_stack(in, ev->stack);
	if (!is_plain(in, waker, send ? "runtime.chanrecv" : "runtime.chansend"))
		return;
	by = place_of(p, in, waker);
	if (!by)
		return;
	*(send ? &((struct pool_place *)tab_row(&p->places, by - 1))->received
	       : &((struct pool_place *)tab_row(&p->places, by - 1))->sent) += 1;
	link_places(p, at, by);
}

void pools_finish(struct pools *p, const struct goros *gs, struct intern *in, int64_t t)
{
	struct map_slot s;

	for (size_t pos = 0; map_next(&gs->live, &pos, &s);) {
		const struct goro *g = (const struct goro *)(uintptr_t)s.val;
		uint32_t at;

		if (g->state != GOTRACE_GO_WAITING ||
		    (g->reason != p->send && g->reason != p->recv))
			continue;
		at = place_of(p, in, g->stack);
		if (at)
			place_blocked(p, at, g->reason == p->send, t - g->since);
	}
	for (size_t i = 0; i < p->places.cnt; i++) {
		struct pool_place *row = tab_row(&p->places, i), *head = pools_head(p, row);

		head->pool_send += row->send_ns;
		head->pool_recv += row->recv_ns;
		head->pool_ns += row->send_ns + row->recv_ns;
	}
}
