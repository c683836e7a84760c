#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

struct arena_chunk {
	struct arena_chunk *next;
	size_t cap, pos;
	_Alignas(16) uint8_t data[];
};

enum { ARENA_MIN = 64 * 1024, ARENA_ALIGN = 16 };

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_chunk *c = a->head;
	size_t need, total;

	if (num_add(n, (size_t)(ARENA_ALIGN - 1), &need))
		return NULL;
	need &= ~(size_t)(ARENA_ALIGN - 1);
	if (!c || need > c->cap - c->pos) {
		size_t cap = c ? c->cap * 2 : ARENA_MIN;

		if (cap < need)
			cap = need;
		if (num_add(cap, sizeof(*c), &total))
			return NULL;
		c = malloc(total);
		if (!c)
			return NULL;
		*c = (struct arena_chunk){ .next = a->head, .cap = cap };
		a->head = c;
	}
	c->pos += need;
	a->used += need;
	return c->data + c->pos - need;
}

void *arena_dup(struct arena *a, const void *src, size_t n)
{
	void *p = arena_alloc(a, n);

	if (p && n)
		memcpy(p, src, n);
	return p;
}

static void arena_free_from(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
}

void arena_reset(struct arena *a)
{
	if (a->head) {
		arena_free_from(a->head->next);
		a->head->next = NULL;
		a->head->pos = 0;
	}
	a->used = 0;
}

void arena_done(struct arena *a)
{
	arena_free_from(a->head);
	*a = (struct arena){ 0 };
}
