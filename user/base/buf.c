#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/wcur.h"

int buf_reserve(struct buf *b, size_t n)
{
	size_t want, cap = b->cap ? b->cap : 256;
	uint8_t *p;

	if (b->failed || num_add(b->len, n, &want)) {
		b->failed = true;
		return -ENOMEM;
	}
	if (want <= b->cap)
		return 0;
	while (cap < want)
		if (num_mul(cap, (size_t)2, &cap))
			cap = want;
	p = realloc(b->p, cap);
	if (!p) {
		b->failed = true;
		return -ENOMEM;
	}
	b->p = p;
	b->cap = cap;
	return 0;
}

void buf_bytes(struct buf *b, const void *src, size_t n)
{
	if (n == 0 || buf_reserve(b, n) < 0)
		return;
	memcpy(b->p + b->len, src, n);
	b->len += n;
}

void buf_u8(struct buf *b, uint8_t v)
{
	buf_bytes(b, &v, sizeof(v));
}

void buf_u32(struct buf *b, uint32_t v)
{
	buf_bytes(b, &v, sizeof(v));
}

void buf_u64(struct buf *b, uint64_t v)
{
	buf_bytes(b, &v, sizeof(v));
}

void buf_uvarint(struct buf *b, uint64_t v)
{
	uint8_t tmp[UVARINT_MAX];
	struct wcur w = { .p = tmp, .cap = sizeof(tmp) };

	wcur_uvarint(&w, v);
	buf_bytes(b, tmp, w.pos);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || buf_reserve(b, (size_t)n + 1) < 0)
		return;
	va_start(ap, fmt);
	vsnprintf((char *)b->p + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}
