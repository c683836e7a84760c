/*
 * tab.h - rows of one kind, found by a 64-bit key: the result tables of the analyses. And tallies:
 * the few (name, time) pairs of one row.
 *
 * T1  A row is made full of zeroes when first asked for. Rows move when one is made: keep indices.
 * T2  At most max rows; what comes then is given the last row, whose key is TAB_OTHER.
 * T3  No memory is sticky: failed, and every row asked for is a scratch row that nobody reads.
 */
#ifndef REPORT_TAB_H
#define REPORT_TAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

#define TAB_OTHER UINT64_MAX

struct tab {
	size_t size, max;
	uint8_t *rows; /* owned; [cnt] of size bytes, behind them the scratch row */
	size_t cnt, cap;
	struct map index; /* key -> row */
	bool failed;
};

/* A table of at most max rows of size bytes, each beginning with its uint64_t key. 0 or -ENOMEM. */
int tab_init(struct tab *t, size_t size, size_t max);
void tab_done(struct tab *t);
/* Forgets all rows; what they own must be freed before. */
void tab_reset(struct tab *t);

/* Found or made; never NULL. */
void *tab_get(struct tab *t, uint64_t key);
/* NULL if it was never made. */
void *tab_find(const struct tab *t, uint64_t key);

static inline void *tab_row(const struct tab *t, size_t i)
{
	return t->rows + i * t->size;
}

/*
 * The rows in falling order of the int64_t at off in each, ties by key: cnt pointers, owned by the
 * caller (free), good until a row is made. NULL: no memory.
 */
void **tab_sort(const struct tab *t, size_t off);

struct tally_row {
	uint32_t name;
	uint32_t cnt;
	int64_t ns;
};

struct tally {
	struct tally_row *rows; /* owned */
	uint32_t cnt, cap;
};

/* Adds ns to name's row. False: no memory. */
bool tally_add(struct tally *t, uint32_t name, uint32_t cnt, int64_t ns);
bool tally_merge(struct tally *t, const struct tally *from);
int64_t tally_sum(const struct tally *t);
struct tally_row *tally_find(const struct tally *t, uint32_t name);
void tally_del(struct tally *t, uint32_t name);
/* Falling time. */
void tally_sort(struct tally *t);
void tally_done(struct tally *t);

#endif
