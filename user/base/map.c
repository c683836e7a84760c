#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

static size_t map_home(const struct map *m, uint64_t key)
{
	return (size_t)num_mix(key) & (m->cap - 1);
}

/* The key's slot, or the empty one where it would go; cap > 0 and one slot is empty. */
static size_t map_slot_of(const struct map *m, uint64_t key)
{
	size_t i = map_home(m, key);

	while (m->used[i] && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

uint64_t *map_find(const struct map *m, uint64_t key)
{
	size_t i;

	if (!m->cnt)
		return NULL;
	i = map_slot_of(m, key);
	return m->used[i] ? &m->slots[i].val : NULL;
}

uint64_t map_get(const struct map *m, uint64_t key, uint64_t dflt)
{
	const uint64_t *v = map_find(m, key);

	return v ? *v : dflt;
}

static int map_grow(struct map *m)
{
	struct map n = { .cap = m->cap ? m->cap * 2 : 64, .cnt = m->cnt };

	n.slots = reallocarray(NULL, n.cap, sizeof(*n.slots));
	n.used = calloc(n.cap, 1);
	if (!n.slots || !n.used) {
		free(n.slots);
		free(n.used);
		return -ENOMEM;
	}
	for (size_t i = 0; i < m->cap; i++) {
		if (m->used[i]) {
			size_t j = map_slot_of(&n, m->slots[i].key);

			n.slots[j] = m->slots[i];
			n.used[j] = 1;
		}
	}
	free(m->slots);
	free(m->used);
	*m = n;
	return 0;
}

int map_put(struct map *m, uint64_t key, uint64_t val)
{
	size_t i;

	if (m->cnt + 1 > m->cap / 4 * 3) {
		int err = map_grow(m);

		if (err < 0)
			return err;
	}
	i = map_slot_of(m, key);
	if (!m->used[i]) {
		m->used[i] = 1;
		m->cnt++;
	}
	m->slots[i] = (struct map_slot){ .key = key, .val = val };
	return 0;
}

bool map_del(struct map *m, uint64_t key)
{
	size_t i, j;

	if (!m->cnt)
		return false;
	i = map_slot_of(m, key);
	if (!m->used[i])
		return false;
	m->cnt--;
	/* M2: move back every later entry of the run whose home is not behind the gap. */
	for (j = i;;) {
		size_t home;

		m->used[i] = 0;
		do {
			j = (j + 1) & (m->cap - 1);
			if (!m->used[j])
				return true;
			home = map_home(m, m->slots[j].key);
		} while (((j - home) & (m->cap - 1)) < ((j - i) & (m->cap - 1)));
		m->slots[i] = m->slots[j];
		m->used[i] = 1;
		i = j;
	}
}

bool map_next(const struct map *m, size_t *pos, struct map_slot *ret_slot)
{
	for (; *pos < m->cap; (*pos)++) {
		if (m->used[*pos]) {
			*ret_slot = m->slots[(*pos)++];
			return true;
		}
	}
	return false;
}

void map_set_all(struct map *m, uint64_t val)
{
	for (size_t i = 0; i < m->cap; i++)
		if (m->used[i])
			m->slots[i].val = val;
}

void map_reset(struct map *m)
{
	if (m->cap)
		memset(m->used, 0, m->cap);
	m->cnt = 0;
}

void map_done(struct map *m)
{
	free(m->slots);
	free(m->used);
	*m = (struct map){ 0 };
}
