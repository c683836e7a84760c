/* tracefile.h - what `report` and `export` share: the trace they read, told as the user named it. */
#ifndef CMD_TRACEFILE_H
#define CMD_TRACEFILE_H

#include <stdint.h>

#include "base/diag.h"
#include "include/gotrace.h"

/* Opens the file name, or stdin for "-"; NULL: told. The caller closes it. */
struct gotrace *tracefile_open(const char *name);

/* Tells what is wrong with name, and at which byte unless off is DIAG_NO_OFF. */
void tracefile_complain(const char *name, uint64_t off, const char *text);

/*
 * A moment as the user gives it: a duration since the trace's first event (parse.h), or 0 or 0s, in
 * ns. 0, -EINVAL or -ERANGE (more than INT64_MAX / 2, so that sums of two cannot wrap).
 */
int tracefile_moment(const char *s, int64_t *ret_ns, struct diag *d);

#endif
