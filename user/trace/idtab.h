/*
 * idtab.h - hash table from an id to a pointer: the reader's goroutines, threads, strings, stacks.
 *
 * Apart from base/map.h because it sits in the reader's inner loop: one cache line a look-up, a
 * multiplication for a hash (ids come from a file, but the worst a file can do is to make us probe
 * through a table of its own size, see T2).
 *
 * T1  A slot is in use if ptr is not NULL; any key is lawful; cap is 0 or a power of two.
 * T2  At most a quarter full (measured in the reader: half full costs 1.5 % more). The hash folds both
 *     halves of a 128-bit product with an odd constant.
 * T3  Deletion closes the gap: no tombstones.
 */
#ifndef TRACE_IDTAB_H
#define TRACE_IDTAB_H

#include <stddef.h>
#include <stdint.h>

struct idtab_slot {
	uint64_t key;
	void *ptr; /* borrowed */
};

struct idtab {
	struct idtab_slot *slots; /* owned */
	size_t cap, cnt;
};

static inline size_t idtab_home(uint64_t key, size_t cap)
{
	unsigned __int128 v =
		(unsigned __int128)(key ^ 0x2545f4914f6cdd1dULL) * 0x9e3779b97f4a7c15ULL;

	return (size_t)((uint64_t)v ^ (uint64_t)(v >> 64)) & (cap - 1);
}

/* The pointer, or NULL. */
static inline void *idtab_find(const struct idtab *t, uint64_t key)
{
	if (!t->cap)
		return NULL;
	for (size_t i = idtab_home(key, t->cap);; i = (i + 1) & (t->cap - 1)) {
		const struct idtab_slot *s = &t->slots[i];

		if (!s->ptr || s->key == key)
			return s->ptr;
	}
}

/* Sets key to ptr, which is not NULL. 0 or -ENOMEM (then unchanged). */
int idtab_put(struct idtab *t, uint64_t key, void *ptr);

/* The pointer that was there, or NULL. */
void *idtab_del(struct idtab *t, uint64_t key);

/* Walks all: start with *pos = 0; NULL at the end. No put or delete in between. */
void *idtab_next(const struct idtab *t, size_t *pos);

/* Forgets all, keeps the memory. */
void idtab_reset(struct idtab *t);
void idtab_done(struct idtab *t);

#endif
