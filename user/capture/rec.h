/* rec.h - whether a record's lengths can be believed, in a ring or in a file. */
#ifndef CAPTURE_REC_H
#define CAPTURE_REC_H

#include <stdbool.h>
#include <stddef.h>

#include "include/record.h"

/* record.h, R1: whether left bytes at r hold one whole record; in a damaged ring or file they may not. */
static inline bool rec_sane(const struct rec *r, size_t left)
{
	return left >= sizeof(*r) && r->len >= sizeof(*r) && r->len <= left &&
	       r->len <= REC_MAX_LEN && (r->len & 7) == 0 && r->hook < HOOK_COUNT &&
	       r->npc <= REC_MAX_PC && sizeof(*r) + r->npc * sizeof(r->pcs[0]) <= r->len;
}

#endif
