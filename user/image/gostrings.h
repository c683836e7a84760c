/*
 * gostrings.h - the runtime's own tables of texts: wait reasons, block reasons, STW reasons.
 *
 * A table is a run of string headers {pointer, length} in the data segment that begins with known
 * texts in a known order; how many entries follow is a fact of the version (the next table comes
 * without a gap). Facts: docs/go-runtime.md 5.
 */
#ifndef IMAGE_GOSTRINGS_H
#define IMAGE_GOSTRINGS_H

#include "base/arena.h"
#include "image/gopclntab.h"

enum { GOSTRINGS_TABLES = 3 }; /* enum image_table */

struct gostrings {
	struct arena arena;
	const char **v[GOSTRINGS_TABLES]; /* NULL: not found */
	size_t cnt[GOSTRINGS_TABLES];
};

/* Finds what there is; a table that is missing is no error. 0 or -ENOMEM. */
int gostrings_init(struct gostrings *s, const struct gopclntab *t, const struct goversion *version,
		   struct diag *d);
void gostrings_done(struct gostrings *s);

/* image.h: image_table_get. */
int gostrings_get(const struct gostrings *s, enum image_table table, const char *const **ret_v,
		  size_t *ret_cnt);

#endif
