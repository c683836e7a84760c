/*
 * rawfile.h - a capture file: what was seen, so that the same trace can be made again anywhere.
 *
 *	"GOTRACE\0" u32 version u32 REC_ABI   then sections: u32 kind, u32 0, u64 len, bytes, zeroes
 *	up to a multiple of 8
 *
 * F1  META comes first, END last; a file without END was cut short: what stands in whole sections
 *     (runs of about 1 MiB) is still good.
 * F2  RECORDS sections hold whole records in the order of the merged stream.
 * F3  SYMBOLS is opaque here: what model/symbols saves.
 * F4  Little endian, 8-aligned: records are read in place.
 */
#ifndef CAPTURE_RAWFILE_H
#define CAPTURE_RAWFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/span.h"
#include "include/record.h"

/* The runtime's own texts; owned by whoever filled them. */
struct raw_texts {
	char **v;
	size_t cnt;
};

/* All that a replay needs besides records and symbols. */
struct raw_meta {
	uint32_t go_minor, format, goal_word;
	uint64_t gen_ns, gen_bytes, unblock_pc;
	char version[96], name[192];
	struct raw_texts wait_reasons, block_reasons, stw_reasons;
};
int raw_texts_copy(struct raw_texts *t, const char *const *v, size_t cnt); /* 0 or -ENOMEM */
void raw_meta_done(struct raw_meta *m);

struct rawfile_writer;

/* Begins a capture in fd (borrowed). 0, -ENOMEM, or an error of writing. */
int rawfile_create(int fd, const struct raw_meta *meta, struct rawfile_writer **ret);
/* Adds one record; written in runs. 0 or an error of writing (sticky). */
int rawfile_record(struct rawfile_writer *w, const struct rec *r);
/* Writes what is left, the symbols and the end. 0 or the first error. */
int rawfile_finish(struct rawfile_writer *w, const void *symbols, size_t len);
void rawfile_free(struct rawfile_writer *w);

struct rawfile;

/*
 * Opens a capture of len bytes at p (borrowed, 8-aligned), checking every section and record.
 * -EBADMSG damaged or not a capture, -ENOTSUP another version. A file that was cut short opens;
 * rawfile_whole tells.
 */
int rawfile_open(const void *p, size_t len, struct rawfile **ret, struct diag *d);
void rawfile_close(struct rawfile *f);
/* What the capture says of itself, and its symbols: borrowed until rawfile_close. */
const struct raw_meta *rawfile_meta(const struct rawfile *f);
struct span rawfile_symbols(const struct rawfile *f);
/* False: the capture was cut short, before its end was written. */
bool rawfile_whole(const struct rawfile *f);

/* The next record, borrowed from the bytes, in order; NULL at the end. */
const struct rec *rawfile_next(struct rawfile *f);

#endif
