#include "report/longest.h"

#include <errno.h>
#include <stdlib.h>

int longest_init(struct longest *l, size_t cap)
{
	*l = (struct longest){ .cap = cap };
	l->items = calloc(cap + 1, sizeof(*l->items));
	return l->items ? 0 : -ENOMEM;
}

void longest_done(struct longest *l)
{
	free(l->items);
	*l = (struct longest){ 0 };
}

void longest_reset(struct longest *l)
{
	l->cnt = 0;
}

static void swap(struct longest_item *a, struct longest_item *b)
{
	struct longest_item t = *a;

	*a = *b;
	*b = t;
}

static void sink(struct longest *l, size_t i)
{
	for (size_t kid; (kid = 2 * i + 1) < l->cnt; i = kid) {
		if (kid + 1 < l->cnt && l->items[kid + 1].ns < l->items[kid].ns)
			kid++;
		if (l->items[i].ns <= l->items[kid].ns)
			return;
		swap(&l->items[i], &l->items[kid]);
	}
}

static void rise(struct longest *l, size_t i)
{
	for (size_t up; i && l->items[up = (i - 1) / 2].ns > l->items[i].ns; i = up)
		swap(&l->items[i], &l->items[up]);
}

void longest_add(struct longest *l, const struct longest_item *item)
{
	if (!longest_wants(l, item->ns))
		return;
	if (l->cnt < l->cap) {
		l->items[l->cnt] = *item;
		rise(l, l->cnt++);
		return;
	}
	l->items[0] = *item;
	sink(l, 0);
}

static int falling(const void *a, const void *b)
{
	const struct longest_item *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return (x->start > y->start) - (x->start < y->start);
}

void longest_sort(struct longest *l)
{
	if (l->cnt)
		qsort(l->items, l->cnt, sizeof(*l->items), falling);
}
