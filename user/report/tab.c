#include "report/tab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

enum { TAB_FIRST = 32 };

int tab_init(struct tab *t, size_t size, size_t max)
{
	*t = (struct tab){ .size = size, .max = max, .cap = TAB_FIRST };
	t->rows = calloc(t->cap + 1, size);
	return t->rows ? 0 : -ENOMEM;
}

void tab_done(struct tab *t)
{
	free(t->rows);
	map_done(&t->index);
	*t = (struct tab){ 0 };
}

void tab_reset(struct tab *t)
{
	t->cnt = 0;
	map_reset(&t->index);
}

void *tab_find(const struct tab *t, uint64_t key)
{
	const uint64_t *i = map_find(&t->index, key);

	return i ? tab_row(t, *i) : NULL;
}

/* T3: zeroed, for the taking. */
static void *tab_fail(struct tab *t)
{
	void *row = tab_row(t, t->cap);

	t->failed = true;
	memset(row, 0, t->size);
	return row;
}

void *tab_get(struct tab *t, uint64_t key)
{
	const uint64_t *i = map_find(&t->index, key);
	uint8_t *row;

	if (i)
		return tab_row(t, *i);
	if (t->cnt + 1 >= t->max && key != TAB_OTHER)
		return tab_get(t, TAB_OTHER);
	if (t->cnt == t->cap) {
		void *p = reallocarray(t->rows, t->cap * 2 + 1, t->size);

		if (!p)
			return tab_fail(t);
		t->rows = p;
		t->cap *= 2;
	}
	if (map_put(&t->index, key, t->cnt) < 0)
		return tab_fail(t);
	row = tab_row(t, t->cnt++);
	memset(row, 0, t->size);
	memcpy(row, &key, sizeof(key));
	return row;
}

static int by_falling(const void *a, const void *b, void *arg)
{
	const uint8_t *x = *(uint8_t *const *)a, *y = *(uint8_t *const *)b;
	size_t off = *(size_t *)arg;
	uint64_t kx, ky;
	int64_t vx, vy;

	memcpy(&vx, x + off, sizeof(vx));
	memcpy(&vy, y + off, sizeof(vy));
	if (vx != vy)
		return vx > vy ? -1 : 1;
	memcpy(&kx, x, sizeof(kx));
	memcpy(&ky, y, sizeof(ky));
	return (kx > ky) - (kx < ky);
}

void **tab_sort(const struct tab *t, size_t off)
{
	void **order = calloc(t->cnt + 1, sizeof(*order));

	if (!order)
		return NULL;
	for (size_t i = 0; i < t->cnt; i++)
		order[i] = tab_row(t, i);
	qsort_r(order, t->cnt, sizeof(*order), by_falling, &off);
	return order;
}

struct tally_row *tally_find(const struct tally *t, uint32_t name)
{
	for (uint32_t i = 0; i < t->cnt; i++)
		if (t->rows[i].name == name)
			return &t->rows[i];
	return NULL;
}

bool tally_add(struct tally *t, uint32_t name, uint32_t cnt, int64_t ns)
{
	struct tally_row *r = tally_find(t, name);

	if (!r) {
		if (t->cnt == t->cap) {
			uint32_t cap = t->cap ? t->cap * 2 : 2;

			r = reallocarray(t->rows, cap, sizeof(*r));
			if (!r)
				return false;
			t->rows = r;
			t->cap = cap;
		}
		r = &t->rows[t->cnt++];
		*r = (struct tally_row){ .name = name };
	}
	r->cnt += cnt;
	r->ns += ns;
	return true;
}

bool tally_merge(struct tally *t, const struct tally *from)
{
	for (uint32_t i = 0; i < from->cnt; i++)
		if (!tally_add(t, from->rows[i].name, from->rows[i].cnt, from->rows[i].ns))
			return false;
	return true;
}

int64_t tally_sum(const struct tally *t)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < t->cnt; i++)
		sum += t->rows[i].ns;
	return sum;
}

void tally_del(struct tally *t, uint32_t name)
{
	struct tally_row *r = tally_find(t, name);

	if (r)
		*r = t->rows[--t->cnt];
}

static int tally_falling(const void *a, const void *b)
{
	const struct tally_row *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

void tally_sort(struct tally *t)
{
	if (t->cnt)
		qsort(t->rows, t->cnt, sizeof(*t->rows), tally_falling);
}

void tally_done(struct tally *t)
{
	free(t->rows);
	*t = (struct tally){ 0 };
}
