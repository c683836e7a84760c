/*
 * gentab.h - fills a generation's tables from its batches: strings, stacks, samples, clocks.
 * A part of gen.c on its own; nobody else includes it.
 */
#ifndef TRACE_GENTAB_H
#define TRACE_GENTAB_H

#include "trace/gen.h"

/*
 * Reads all tables of a generation whose batches are known. 0, -EBADMSG, -ENOMEM; offsets in d are
 * the file's.
 */
int gentab_fill(struct gen *g, struct diag *d);

/* Grows *p (of size-byte elements) so that one more than cnt fits. 0 or -ENOMEM. */
int gentab_room(void *p, size_t cnt, size_t *cap, size_t size);

#endif
