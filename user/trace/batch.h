/*
 * batch.h - one batch of events of the Go trace format, before it is written.
 *
 * Wire form (Go 1.22 on; Go 1.26 internal/trace/batch.go, tracev2/events.go):
 *	01 gen m time size  body[size]		all but the 01 are uvarints
 *	body = { type dt args... }		dt = ticks since the previous event
 *
 * gen is always written in BATCH_GEN_LEN bytes (zero-padded, which every reader takes), so that a
 * flight recorder can number the generations of a dump anew without encoding them again.
 *
 * B1  len <= BATCH_MAX.
 * B2  body[0, len) is a whole number of events: a failed append changes nothing.
 * B3  last_ts is the newest event's time, or base_ts while len == 0.
 */
#ifndef TRACE_BATCH_H
#define TRACE_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
	BATCH_MAX = 16 * 1024, /* ours; readers take up to 64 KiB (tracev2.MaxBatchSize) */
	BATCH_GEN_LEN = 5,     /* bytes of the padded generation number: 35 bits */
};

struct batch {
	uint64_t gen;		   /* from 1 */
	uint64_t m;		   /* kernel thread id, or TRACE_NO_M */
	uint64_t base_ts, last_ts; /* ticks */
	uint32_t len;		   /* bytes of body in use */
	uint8_t body[BATCH_MAX];
};

/* Empties b; sets owner and start time. Cannot fail. */
void batch_begin(struct batch *b, uint64_t gen, uint64_t m, uint64_t ts);

/*
 * Appends one event; args are those after dt.
 * 0; -ENOSPC: no room, b unchanged: flush, begin, append again;
 * -EINVAL: unknown type, wrong nargs, or ts before the previous event.
 */
int batch_event(struct batch *b, unsigned type, uint64_t ts, const uint64_t *args, size_t nargs);

/* Appends header and body to out if b holds events. 0 or -ENOMEM. b is kept. */
int batch_flush(const struct batch *b, struct buf *out);

/* Appends a batch header for a body of len bytes that the caller appends next. */
void batch_header(struct buf *out, uint64_t gen, uint64_t m, uint64_t ts, size_t len);

/* Bytes of the batch of ours that p begins with (1: a mark of a generation's end); 0: none, or cut. */
size_t batch_next(const uint8_t *p, size_t len);

/*
 * Walks the batches of one encoded generation and writes gen into each header. -EBADMSG: these are
 * not batches of ours.
 */
int batch_renumber(uint8_t *p, size_t len, uint64_t gen);

#endif
