/*
 * span.h - bounded reader for bytes we do not trust.
 *
 * S1  p is never NULL and [p, p + left) is readable.
 * S2  Once bad, left stays 0: later reads give 0 and move nothing, so
 *     "while (s.left)" ends and one test of bad serves a group of reads.
 * S3  off counts bytes taken; when bad it is where the fault was seen.
 *
 * Numbers are little endian: both architectures we know are.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *p; /* borrowed */
	size_t left, off;
	bool bad;
};

/* A span over borrowed bytes; p may be NULL if len is 0. */
static inline struct span span_of(const void *p, size_t len)
{
	return (struct span){ .p = p ? p : (const void *)"", .left = p ? len : 0 };
}

static inline uint64_t span_fail(struct span *s)
{
	s->bad = true;
	s->left = 0;
	return 0;
}

/* The next n bytes, borrowed, or NULL and bad. */
static inline const uint8_t *span_take(struct span *s, uint64_t n)
{
	const uint8_t *p = s->p;

	if (n > s->left) {
		span_fail(s);
		return NULL;
	}
	s->p += n;
	s->off += n;
	s->left -= n;
	return p;
}

/* Moves n bytes on. */
static inline void span_skip(struct span *s, uint64_t n)
{
	(void)span_take(s, n);
}

/* A span of its own over [off, off + len) of s's remaining bytes; bad if they are not there. */
static inline struct span span_sub(const struct span *s, uint64_t off, uint64_t len)
{
	struct span r = { .p = s->p };

	if (s->bad || off > s->left || len > s->left - off) {
		r.bad = true;
		return r;
	}
	r.p = s->p + off;
	r.left = len;
	r.off = s->off + off;
	return r;
}

#define SPAN_FIXED(name, type)                                                                     \
	static inline type name(struct span *s)                                                    \
	{                                                                                          \
		const uint8_t *p = span_take(s, sizeof(type));                                     \
		type v = 0;                                                                        \
                                                                                                   \
		if (p)                                                                             \
			memcpy(&v, p, sizeof(v));                                                  \
		return v;                                                                          \
	}

SPAN_FIXED(span_u8, uint8_t)
SPAN_FIXED(span_u16, uint16_t)
SPAN_FIXED(span_u32, uint32_t)
SPAN_FIXED(span_u64, uint64_t)
#undef SPAN_FIXED

/* Byte by byte: what is cut off, too long, or near the end. */
static inline uint64_t span_uvarint_slow(struct span *s)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		const uint8_t *b = span_take(s, 1);

		if (!b || (shift == 63 && *b > 1)) /* a 65th bit */
			break;
		v |= (uint64_t)(*b & 0x7f) << shift;
		if (!(*b & 0x80))
			return v;
	}
	return span_fail(s);
}

/* Up to 8 bytes at p, which are readable, at once. Their count, or 0 if the number is longer. */
static inline unsigned span_uvarint8(const uint8_t *p, uint64_t *ret)
{
	uint64_t v, ends;

	memcpy(&v, p, sizeof(v));
	ends = ~v & 0x8080808080808080ULL;
	if (!ends)
		return 0;
	v &= ends ^ (ends - 1); /* up to the last byte */
	v = ((v & 0x7f007f007f007f00ULL) >> 1) | (v & 0x007f007f007f007fULL);
	v = ((v & 0x3fff00003fff0000ULL) >> 2) | (v & 0x00003fff00003fffULL);
	*ret = ((v & 0x0fffffff00000000ULL) >> 4) | (v & 0x000000000fffffffULL);
	return ((unsigned)__builtin_ctzll(ends) + 1) / 8;
}

/* An unsigned LEB128 number; 0 and bad if it is cut off or longer than 64 bits. */
static inline uint64_t span_uvarint(struct span *s)
{
	uint64_t v = 0;
	unsigned n = 1;

	if (s->left && s->p[0] < 0x80)
		v = s->p[0];
	else
		n = s->left < sizeof(v) ? 0 : span_uvarint8(s->p, &v);
	if (!n)
		return span_uvarint_slow(s);
	s->p += n;
	s->off += n;
	s->left -= n;
	return v;
}

#endif
