/*
 * rawtext.h - the wire form as text and back, unjudged: so that broken traces can be read and made.
 *
 *	Trace Go1.26
 *	EventBatch gen=1 m=7 time=100 size=12
 *	GoStart dt=3 g=5 g_seq=1
 *	String id=5
 *		data="hello world\x00"
 *	Stack id=5 nframes=1
 *		pc=1241251 func=3 file=6 line=124
 *
 * The same text as `go tool trace -d=wire` and the toolchains' own test traces; # begins a comment.
 * Batch sizes are written as they stand: nothing is computed, nothing is checked but the words.
 *
 * Source: Go 1.27 internal/trace/raw (doc.go, textreader.go, textwriter.go).
 */
#ifndef TRACE_RAWTEXT_H
#define TRACE_RAWTEXT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/diag.h"

/*
 * Appends the text of a wire-form trace to out. 0; -EBADMSG where it cannot be cut into events (out
 * holds what comes before, d->off the offset); -ENOTSUP another version; -ENOMEM.
 */
int rawtext_from_wire(const void *wire, size_t len, struct buf *out, struct diag *d);

/* Appends the wire form of a text to out. 0; -EBADMSG (d->text names the line); -ENOMEM. */
int rawtext_to_wire(const char *text, size_t len, struct buf *out, struct diag *d);

#endif
