/*
 * genwriter.h - encodes one generation after the other: event batches per thread, then the tables.
 *
 *	header  ( batches of Ms | stacks | strings | frequency or sync [ 52 ] )*
 *
 * W1  Events come in the order that readers shall replay; times never fall within one thread.
 * W2  A generation stands alone: its strings, stacks and clock are its own.
 * W3  No event is written that the header's version does not know (-EINVAL).
 * W4  Ticks are counted so that they are never 0.
 * Not thread-safe; no I/O.
 */
#ifndef TRACE_GENWRITER_H
#define TRACE_GENWRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct genwriter;

/* A frame of the stack table; strings are borrowed for the call. */
struct gen_frame {
	uint64_t pc; /* one pc means one frame in a generation: readers keep the first */
	const char *func, *file;
	uint64_t line;
};

/* One moment on both clocks (header 25 on). */
struct gen_clock {
	uint64_t ts;		/* ticks of the trace */
	uint64_t mono_ns;	/* CLOCK_MONOTONIC */
	uint64_t wall_ns;	/* CLOCK_REALTIME since 1970 */
};

/* format is 22, 23, 25 or 26; a tick is tick_ns (> 0) long. NULL: no memory or another format. */
struct genwriter *genwriter_new(unsigned format, unsigned tick_ns);
void genwriter_free(struct genwriter *w);

/* The 16 bytes that begin a file of this format. */
void genwriter_header(unsigned format, uint8_t ret[static 16]);

/* Opens generation gen (> 0) at start_ts (> 0). */
void genwriter_begin(struct genwriter *w, uint64_t gen, uint64_t start_ts);

/*
 * One event of thread m (TRACE_NO_M: none). 0, -EINVAL (unknown to this format, wrong nargs, time
 * before m's previous event), -ENOMEM (sticky: genwriter_end fails as well).
 */
int genwriter_event(struct genwriter *w, uint64_t m, unsigned type, uint64_t ts,
		    const uint64_t *args, size_t nargs);

/*
 * The id of a string in this generation, the same for the same bytes; 0 for "" and when there is
 * no memory. Longer than 1,024 bytes: its tail, as the runtime does (names tell most at the end).
 */
uint64_t genwriter_string(struct genwriter *w, const char *s, size_t len);

/* Defines stack id (chosen by the caller, > 0, once a generation); n <= LIMIT_FRAMES. */
void genwriter_stack(struct genwriter *w, uint64_t id, const struct gen_frame *frames, size_t n);

/* Bytes of this generation so far, tables included: for cutting by size. */
size_t genwriter_size(const struct genwriter *w);
/* Events of this generation so far. */
uint64_t genwriter_events(const struct genwriter *w);

/*
 * Closes the generation and appends its bytes to out. clock is written from format 25 on. 0 or
 * -ENOMEM.
 */
int genwriter_end(struct genwriter *w, const struct gen_clock *clock, struct buf *out);

#endif
