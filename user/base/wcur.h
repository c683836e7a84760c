/*
 * wcur.h - bounded write cursor: write many, test full once.
 *
 * W1  pos <= cap, and [p, p + cap) is writable.
 * W2  Once full, nothing more is written and pos does not move.
 */
#ifndef BASE_WCUR_H
#define BASE_WCUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wcur {
	uint8_t *p; /* borrowed */
	size_t pos, cap;
	bool full;
};

enum { UVARINT_MAX = 10 }; /* bytes of the longest uvarint */

static inline void wcur_bytes(struct wcur *w, const void *src, size_t n)
{
	if (w->full || n > w->cap - w->pos) {
		w->full = true;
		return;
	}
	memcpy(w->p + w->pos, src, n);
	w->pos += n;
}

static inline void wcur_u8(struct wcur *w, uint8_t v)
{
	if (w->full || w->pos == w->cap) {
		w->full = true;
		return;
	}
	w->p[w->pos++] = v;
}

static inline void wcur_uvarint(struct wcur *w, uint64_t v)
{
	uint8_t tmp[UVARINT_MAX];
	size_t n = 0;

	while (v >= 0x80) {
		tmp[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	tmp[n++] = (uint8_t)v;
	wcur_bytes(w, tmp, n);
}

#endif
