/*
 * arena.h - memory that is freed all at once (one generation's tables).
 *
 * A1  What arena_alloc gave stays where it is until arena_reset or arena_done.
 * A2  arena_reset keeps the newest, largest chunk: a steady load allocates nothing.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *head; /* owned; the chunk in use, older ones behind it */
	size_t used;		  /* bytes handed out since the last reset */
};

/* n bytes, 16-aligned, uninitialised; NULL if there is no memory. */
void *arena_alloc(struct arena *a, size_t n);

/* A copy of n bytes; NULL if there is no memory. */
void *arena_dup(struct arena *a, const void *src, size_t n);

void arena_reset(struct arena *a);
void arena_done(struct arena *a);

#endif
