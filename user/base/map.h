/*
 * map.h - hash table from uint64_t to uint64_t: open addressing, linear probing, at most 3/4 full.
 *
 * M1  Key 0 is lawful; a slot is in use if its bit in `used` says so.
 * M2  Deletion closes the gap (no tombstones): churn does not slow it or make it grow.
 * Pointers to values are good until the next put or delete.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
	uint64_t key, val;
};

struct map {
	struct map_slot *slots; /* owned */
	uint8_t *used;		/* owned */
	size_t cap, cnt;	/* cap is 0 or a power of two */
};

/* The value's place, or NULL. */
uint64_t *map_find(const struct map *m, uint64_t key);

/* The value, or dflt. */
uint64_t map_get(const struct map *m, uint64_t key, uint64_t dflt);

/* Sets key to val, new or not. 0 or -ENOMEM (then unchanged). */
int map_put(struct map *m, uint64_t key, uint64_t val);

/* True if key was there. */
bool map_del(struct map *m, uint64_t key);

/* Walks all: start with *pos = 0; false at the end. No put or delete in between. */
bool map_next(const struct map *m, size_t *pos, struct map_slot *ret_slot);

/* Sets all values to val; keys stay. */
void map_set_all(struct map *m, uint64_t val);

/* Forgets all, keeps the memory. */
void map_reset(struct map *m);
void map_done(struct map *m);

#endif
