#include "report/slowest.h"

#include <string.h>

int slowest_init(struct slowest *s, size_t keep)
{
	int err = 0;

	memset(s, 0, sizeof(*s));
	for (unsigned i = 0; i < SLOWEST_CNT && !err; i++)
		err = longest_init(&s->lists[i], keep);
	return err;
}

void slowest_done(struct slowest *s)
{
	for (unsigned i = 0; i < SLOWEST_CNT; i++)
		longest_done(&s->lists[i]);
}

void slowest_restart(struct slowest *s)
{
	for (unsigned i = 0; i < SLOWEST_CNT; i++)
		longest_reset(&s->lists[i]);
}

void slowest_feed(struct slowest *s, const struct gotrace_event *ev, const struct stint *st,
		  struct intern *in)
{
	static const uint8_t kinds[GOTRACE_GO_STATE_COUNT] = {
		[GOTRACE_GO_RUNNING] = SLOWEST_RUNNING + 1,
		[GOTRACE_GO_RUNNABLE] = SLOWEST_RUNNABLE + 1,
		[GOTRACE_GO_SYSCALL] = SLOWEST_SYSCALL + 1,
		[GOTRACE_GO_WAITING] = SLOWEST_BLOCKED + 1,
	};
	int64_t ns = st->end - st->start;
	unsigned kind = kinds[st->state];
	struct longest_item item;

	if (!kind-- || !longest_wants(&s->lists[kind], ns))
		return;
	item = (struct longest_item){ .ns = ns,
				      .start = st->start,
				      .g = st->g->id,
				      .g2 = -1,
				      .name = st->g->name,
				      .stack = st->stack };
	if (kind == SLOWEST_RUNNING)
		item.stack = intern_stack(in, ev->u.transition.stack);
	else if (kind == SLOWEST_BLOCKED)
		item.detail = st->reason;
	longest_add(&s->lists[kind], &item);
}

void slowest_add(struct slowest *s, enum slowest_kind kind, const struct longest_item *item)
{
	longest_add(&s->lists[kind], item);
}

void slowest_finish(struct slowest *s)
{
	for (unsigned i = 0; i < SLOWEST_CNT; i++)
		longest_sort(&s->lists[i]);
}
