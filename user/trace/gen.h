/*
 * gen.h - one generation of a trace in memory: its batches by thread, and its tables.
 *
 * N1  The bytes are in `own`, or in the caller's memory; batches refer to them by offset.
 * N2  Strings, frames and stacks live in `arena`; all names that stacks refer to exist.
 * N3  Nothing here grows faster than the generation's bytes, times a constant.
 * N4  Memory is kept from generation to generation: a steady load allocates nothing.
 *
 * Before 26 a generation ends where the next one begins, or where the file ends or is damaged: what
 * comes before the damage is then given as a generation, with the damage in `after` (Go's reader
 * does the same). From 26 on it ends with a mark, and without it there is no generation.
 *
 * Source: Go 1.27 internal/trace/generation.go.
 */
#ifndef TRACE_GEN_H
#define TRACE_GEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "include/gotrace.h"
#include "trace/cursor.h"
#include "trace/idtab.h"
#include "trace/source.h"

struct gen_batch {
	struct cursor_batch b;
	size_t off;    /* of its data in bytes */
	uint32_t next; /* batch of the same thread + 1, or 0 */
};

/* A thread that has batches of events, in the order of their first appearance. */
struct gen_thread {
	uint64_t m;
	uint32_t first, last; /* batch + 1 */
};

struct gen_str {
	struct gotrace_str s; /* in the arena, zero-terminated */
	uint64_t hash;
	struct gotrace_str stw; /* "stop-the-world (s)", made when first asked for; p NULL before */
	uint64_t id;
	size_t off; /* in bytes, for messages */
};

struct gen_sample {
	int64_t time_ns;
	int64_t m, p, g;
	uint64_t ticks, stack, off;
};

/* id -> pointer: dense where ids are, else a hash table. 0 is the empty string, and no stack. */
struct gen_table {
	void **dense; /* in the arena */
	uint64_t dense_len;
	struct idtab sparse;
};

struct gen {
	unsigned version;
	uint64_t gen;	 /* its number; 0 while empty */
	uint64_t min_ts; /* ticks */
	double mul;	 /* ns per tick; 0 while unknown */
	bool has_clock;
	struct gotrace_clock clock;

	const uint8_t *bytes; /* of len, beginning at the stream's base */
	size_t len;
	uint64_t base;
	struct buf own;

	struct gen_batch *batches; /* owned, as all arrays here */
	size_t batch_cnt, batch_cap;
	struct gen_thread *threads;
	size_t thread_cnt, thread_cap;
	struct gen_sample *samples; /* by time */
	size_t sample_cnt, sample_cap;
	struct gen_str empty; /* string 0, in every table */
	struct gen_str *strs;
	size_t str_cnt, str_cap;
	struct gotrace_stack **stacks; /* in the arena */
	size_t stack_cnt, stack_cap;

	struct arena arena;
	struct gen_table str_tab, stack_tab;
	struct idtab frames;	 /* pc -> struct gotrace_frame */
	struct idtab thread_tab; /* m -> thread + 1 */

	int after; /* -errno: what follows is damaged, or 0 */
	struct diag after_diag;
};

/*
 * Reads the next generation from s. first: none was read before. 1 and g is full; 0 at the end;
 * -EBADMSG, -E2BIG, -ENOMEM or the stream's error. g is zero or was loaded before; what it held is
 * forgotten.
 */
int gen_load(struct gen *g, struct source *s, unsigned version, bool first, struct diag *d);

static inline void *gen_table_get(const struct gen_table *t, uint64_t id)
{
	return id < t->dense_len ? t->dense[id] : idtab_find(&t->sparse, id);
}

/* NULL if the id is not in the table; 0 gives "" and no stack. */
static inline struct gen_str *gen_str_get(const struct gen *g, uint64_t id)
{
	return gen_table_get(&g->str_tab, id);
}

static inline const struct gotrace_stack *gen_stack_get(const struct gen *g, uint64_t id)
{
	return gen_table_get(&g->stack_tab, id);
}

/* Zero is fine. */
void gen_done(struct gen *g);

#endif
