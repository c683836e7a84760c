/*
 * source.h - where a trace's bytes come from: memory, a descriptor, either of them gzip.
 *
 *	stream  ........[p ............ p + len)......
 *	                ^base          what was read so far; taken bytes are dropped from the front
 *
 * S1  [p, p + len) is readable and is the stream's [base, base + len).
 * S2  Memory that is not gzip is never copied: p points into it.
 * S3  After an error of reading or inflating, err stays; what came before is still in the window.
 */
#ifndef TRACE_SOURCE_H
#define TRACE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"

struct source_gz;

struct source {
	const uint8_t *p;
	size_t len;
	uint64_t base;
	bool eof; /* nothing follows p + len */
	int err;  /* of the stream, told by source_why */
	int fd;	  /* borrowed or owned; -1: memory */
	bool owns_fd;
	struct buf buf;	      /* holds the window unless it is the caller's memory */
	struct source_gz *gz; /* owned, or NULL */
};

/*
 * Memory is borrowed until source_done; fd is borrowed, or closed by source_done if owns_fd. gzip
 * is recognised by its first bytes. 0 or -errno (of the first read; -ENOMEM); s then needs no done.
 */
int source_open_mem(struct source *s, const void *p, size_t len);
int source_open_fd(struct source *s, int fd, bool owns_fd);

/*
 * Tries to have n bytes in the window; returns how many there are (fewer at the end or on error).
 */
size_t source_need(struct source *s, size_t n);

/*
 * Takes the first n <= len bytes out of the stream. In memory *ret_p stays good; otherwise they are
 * moved into *own, whose old content is lost and whose memory the source uses from then on.
 * 0 or -ENOMEM.
 */
int source_take(struct source *s, size_t n, struct buf *own, const uint8_t **ret_p);

/* Why err is set, for people. */
const char *source_why(const struct source *s);

void source_done(struct source *s);

#endif
