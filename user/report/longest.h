/*
 * longest.h - the N longest of a stream of timed things.
 *
 * L1  A heap of at most cap items, the shortest on top: what is shorter costs one comparison.
 */
#ifndef REPORT_LONGEST_H
#define REPORT_LONGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct longest_item {
	int64_t ns, start;
	int64_t g;	 /* goroutine, or -1 */
	uint32_t name;	 /* its group's, or what the thing is called (intern.h) */
	uint32_t detail; /* a reason or another name; 0: none */
	uint32_t stack;	 /* 0: none */
	int64_t extra;	 /* the owner says what */
	int64_t g2;	 /* another goroutine, or -1 */
	uint32_t name2;
};

struct longest {
	struct longest_item *items; /* owned */
	size_t cnt, cap;
};

/* 0 or -ENOMEM. cap 0 keeps nothing. */
int longest_init(struct longest *l, size_t cap);
void longest_done(struct longest *l);
void longest_reset(struct longest *l);

/* Would an item of ns be kept? Then fill one and add it. */
static inline bool longest_wants(const struct longest *l, int64_t ns)
{
	return l->cnt < l->cap || (l->cap && ns > l->items[0].ns);
}

void longest_add(struct longest *l, const struct longest_item *item);

/* Falling length, ties by start; no add after it. */
void longest_sort(struct longest *l);

#endif
