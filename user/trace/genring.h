/*
 * genring.h - the newest encoded generations, in one block of memory of a fixed size.
 *
 *	arena  [ . . . |  gen 7  |  gen 8  |   free   |  gen 5  |  gen 6  | . ]
 *	                                   ^head       ^oldest
 *
 * R1  A generation's bytes are written once, by genring_add, and never change: those who hold it
 *     read them on other threads without a lock. They are shared, not copied.
 * R2  Room is used again only when neither the ring nor a holder refers to what stands there.
 * R3  What the ring keeps is the newest generations without a gap, within both limits; the newest
 *     one is always kept. A generation covers the time until the next one starts, also where
 *     nothing happened: so what is kept covers the whole window, and less than one generation more.
 * R4  The arena never grows. What holders keep after the ring has given it up is in the same arena,
 *     in the part beyond the limit (genring.c, SLACK_DIV) first.
 *
 * One thread adds, holds and frees; a set's generations may be dropped by another.
 */
#ifndef TRACE_GENRING_H
#define TRACE_GENRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct genring;

struct genring_opts {
	uint64_t window_ns; /* keep at least this much, if bytes allow; 0: as much as fits */
	size_t bytes;	    /* of the generations kept */
	size_t gen_bytes;   /* of the largest generation to be expected */
	bool touch;	    /* take the memory from the system now */
};

/* One generation. In a set: borrowed until it is dropped. */
struct genring_gen {
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC */
	uint64_t events;
	const uint8_t *bytes;
	size_t len;
};

struct genring_stat {
	size_t gens, bytes;	   /* kept */
	size_t held_bytes;	   /* given up by the ring, still held by a set */
	uint64_t start_ns, end_ns; /* of what is kept; 0: nothing */
	uint64_t added, evicted_by_bytes;
	uint64_t events; /* in what is kept */
};

/* Memory that a ring with these limits takes in all. */
size_t genring_arena(const struct genring_opts *o);

/* NULL: no memory. */
struct genring *genring_new(const struct genring_opts *o);
/* All sets must be done. */
void genring_free(struct genring *r);

/*
 * Takes a copy of g as the newest. 0; -E2BIG it is larger than the limit: nothing is kept then, not
 * even what was; -EBUSY the room is held by sets: have some of it dropped and add it again, else
 * the window has a gap; -ENOMEM.
 */
int genring_add(struct genring *r, const struct genring_gen *g);

/* Changes the limit of bytes, up to the one at the start. What is too much is given up at once. */
void genring_limit(struct genring *r, size_t bytes);

/* Gives the memory of free room back to the system: then only what is kept or held is resident. */
void genring_trim(struct genring *r);

void genring_get_stat(const struct genring *r, struct genring_stat *ret);

/* References to generations, oldest first. */
struct genring_set {
	struct genring_gen *gens;  /* owned */
	struct gen_block **blocks; /* owned; NULL: dropped */
	size_t cnt;
};

/* Holds what covers the time after from_ns (0: all). 0 or -ENOMEM. An empty set is fine. */
int genring_hold(struct genring *r, uint64_t from_ns, struct genring_set *ret);
/* Drops the i-th generation; again is nothing. Any thread, but one at a time for a set. */
void genring_set_drop(struct genring_set *s, size_t i);
void genring_set_done(struct genring_set *s);

/*
 * Copies whole batches of g from *off on into buf, numbered gen, and moves *off; the bytes copied.
 * 0: all is copied, or the next batch has no room (cap >= 64 KiB + 32 rules that out), or -1: bytes
 * that are not ours.
 */
long genring_copy(const struct genring_gen *g, uint64_t gen, size_t *off, uint8_t *buf, size_t cap);

#endif
