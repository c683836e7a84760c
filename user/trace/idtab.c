#include "trace/idtab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { IDTAB_MIN = 64 };

static size_t idtab_place(const struct idtab *t, uint64_t key)
{
	size_t i = idtab_home(key, t->cap);

	while (t->slots[i].ptr && t->slots[i].key != key)
		i = (i + 1) & (t->cap - 1);
	return i;
}

static int idtab_grow(struct idtab *t)
{
	struct idtab n = { .cap = t->cap ? t->cap * 2 : IDTAB_MIN, .cnt = t->cnt };

	n.slots = calloc(n.cap, sizeof(*n.slots));
	if (!n.slots)
		return -ENOMEM;
	for (size_t i = 0; i < t->cap; i++)
		if (t->slots[i].ptr)
			n.slots[idtab_place(&n, t->slots[i].key)] = t->slots[i];
	free(t->slots);
	*t = n;
	return 0;
}

int idtab_put(struct idtab *t, uint64_t key, void *ptr)
{
	size_t i;

	if (t->cnt >= t->cap / 4) {
		int err = idtab_grow(t);

		if (err < 0)
			return err;
	}
	i = idtab_place(t, key);
	t->cnt += !t->slots[i].ptr;
	t->slots[i] = (struct idtab_slot){ .key = key, .ptr = ptr };
	return 0;
}

void *idtab_del(struct idtab *t, uint64_t key)
{
	size_t i, j, mask = t->cap - 1;
	void *old;

	if (!t->cnt)
		return NULL;
	i = idtab_place(t, key);
	old = t->slots[i].ptr;
	if (!old)
		return NULL;
	t->cnt--;
	/* T3: move back each later entry of the run whose home is not behind the gap. */
	for (j = (i + 1) & mask; t->slots[j].ptr; j = (j + 1) & mask) {
		size_t home = idtab_home(t->slots[j].key, t->cap);

		if (((j - home) & mask) >= ((j - i) & mask)) {
			t->slots[i] = t->slots[j];
			i = j;
		}
	}
	t->slots[i].ptr = NULL;
	return old;
}

void *idtab_next(const struct idtab *t, size_t *pos)
{
	for (; *pos < t->cap; (*pos)++)
		if (t->slots[*pos].ptr)
			return t->slots[(*pos)++].ptr;
	return NULL;
}

void idtab_reset(struct idtab *t)
{
	if (t->cnt)
		memset(t->slots, 0, t->cap * sizeof(*t->slots));
	t->cnt = 0;
}

void idtab_done(struct idtab *t)
{
	free(t->slots);
	*t = (struct idtab){ 0 };
}
