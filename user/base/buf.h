/*
 * buf.h - growable bytes: append many, test failed once.
 *
 * B1  [p, p + len) is ours; cap >= len; p is NULL only while cap is 0.
 * B2  After failed (-ENOMEM) appends change nothing; buf_reset clears it.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *p; /* owned */
	size_t len, cap;
	bool failed;
};

/* Room for n more bytes without moving. 0 or -ENOMEM (and failed). */
int buf_reserve(struct buf *b, size_t n);

/* Appends; on -ENOMEM sets failed and changes nothing else. */
void buf_bytes(struct buf *b, const void *src, size_t n);
void buf_u8(struct buf *b, uint8_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_uvarint(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forgets the content, keeps the memory, clears failed. */
void buf_reset(struct buf *b);

/* Frees; b is zero after. b may be zero. */
void buf_done(struct buf *b);

#endif
