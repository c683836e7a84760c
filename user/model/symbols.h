/*
 * symbols.h - what program counters mean, looked up once each and kept.
 *
 * A source (a live image, or a capture file's own table) answers for a pc that is not known yet;
 * the answers can be saved into a capture file and loaded from it, so that a replay needs no binary.
 *
 * S1  pcs are the process's own: the load bias is the source's business.
 * S2  Memory is bounded: past SYMBOLS_MAX pcs the cache forgets all (symbols_trim, between generations).
 */
#ifndef MODEL_SYMBOLS_H
#define MODEL_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/span.h"

struct symbols;

enum {
	SYMBOLS_MAX = 256 * 1024, /* distinct pcs */
	SYMBOLS_DEPTH = 64,	  /* logical frames of one pc */
};

struct symbol {
	uint64_t pc;
	const char *func, *file; /* never NULL */
	uint32_t line;
	bool wrapper; /* compiler-made (hidden unless it called a panic function) */
};

struct symbols_source {
	/* The frames at pc, innermost first; at most cap; 0 if unknown. Strings borrowed for the call. */
	size_t (*frames)(void *ctx, uint64_t pc, struct symbol *ret, size_t cap);
	/* What a `go` statement's startpc really starts (FUNCDATA_WrapInfo); startpc itself if unknown. */
	uint64_t (*start_pc)(void *ctx, uint64_t startpc);
	void *ctx;
};

/* keep: never forget (a capture is being written and will want all). NULL: no memory. */
struct symbols *symbols_new(const struct symbols_source *source, bool keep);
void symbols_free(struct symbols *s);

/* The frames at pc, borrowed until symbols_trim; 0 and none if unknown or out of memory. */
size_t symbols_get(struct symbols *s, uint64_t pc, const struct symbol **ret);
uint64_t symbols_start_pc(struct symbols *s, uint64_t startpc);

/* Forgets all if the cache has grown past its bound. */
void symbols_trim(struct symbols *s);

/* Appends all that is known; loads what was appended (-EBADMSG: damaged; -ENOMEM). */
void symbols_save(const struct symbols *s, struct buf *out);
int symbols_load(struct symbols *s, struct span *in, struct diag *d);

#endif
