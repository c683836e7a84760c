/*
 * join.h - where the rooms meet: a stream of records through the model into a file.
 *
 * The same for a live recording and for the replay of a capture: that is what makes them give the
 * same bytes.
 */
#ifndef CMD_JOIN_H
#define CMD_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "capture/capture.h"
#include "capture/rawfile.h"
#include "cmd/output.h"
#include "model/model.h"

/* What a live recording is asked for. */
struct join_opts {
	unsigned format;      /* 0: auto */
	bool keep_symbols;    /* a capture will want them all */
	uint64_t gen_ns;      /* 0: JOIN_GEN_MS */
	size_t gen_bytes;     /* 0: JOIN_GEN_BYTES */
	struct output *out;   /* where the trace goes, borrowed; NULL: to sink */
	/* Each finished generation, without the header; 0, or it stops with that. */
	int (*sink)(void *ctx, const struct model_gen *gen);
	void *ctx;
};

struct join {
	struct raw_meta meta;	 /* owned */
	struct model *model;	 /* owned */
	struct symbols *symbols; /* owned */
	struct output *out;	 /* borrowed; NULL: sink */
	int (*sink)(void *ctx, const struct model_gen *gen);
	void *ctx;
	uint64_t gen_bytes_max;	 /* the largest generation */
	struct diag diag;	 /* of the first failure in a callback */
	const struct image *img; /* borrowed; live only */
	uint64_t bias;
};

enum {
	JOIN_GEN_MS = 1000,		  /* generations are cut each second ... */
	JOIN_GEN_BYTES = 16 * 1024 * 1024, /* ... or at this size, which bounds a reader's memory */
};

/*
 * The header's version for --format auto: the newest that every Go toolchain which can build
 * the target reads, and 25 at most (26 adds only a mark against truncation).
 */
unsigned join_auto_format(unsigned go_minor);

/* A live recording of c's process. */
int join_live(struct join *j, const struct capture *c, const struct join_opts *o, struct diag *d);

/* The replay of a capture; format 0: the one that was recorded. */
int join_replay(struct join *j, const struct rawfile *f, unsigned format, struct output *out,
		struct diag *d);

/*
 * Ends the last generation. -ENODATA with a sentence if nothing was recorded at all: there is no
 * trace then; or as model_finish.
 */
int join_finish(struct join *j, struct diag *d);

void join_done(struct join *j);

#endif
