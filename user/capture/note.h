/*
 * note.h - a message for the trace as a record (HOOK_NOTE).
 */
#ifndef CAPTURE_NOTE_H
#define CAPTURE_NOTE_H

#include <string.h>

#include "include/record.h"

struct note {
	struct rec r;
	char text[REC_NOTE_MAX];
};

/* text at ts (CLOCK_MONOTONIC ns), cut at REC_NOTE_MAX bytes: ret->r is the record to hand on. */
static inline void note_make(uint64_t ts, const char *text, struct note *ret)
{
	*ret = (struct note){ .r = { .len = sizeof(*ret), .hook = HOOK_NOTE, .ts = ts } };
	ret->r.x = strnlen(text, REC_NOTE_MAX);
	memcpy(ret->text, text, ret->r.x);
}

#endif
