/*
 * hosted.h - a Go runtime that is not the executable's own: in a library that a program of another
 * language has loaded.
 */
#ifndef CAPTURE_HOSTED_H
#define CAPTURE_HOSTED_H

#include "base/diag.h"
#include "proc/target.h"

/*
 * Looks through t's executable file mappings for a Go library (-buildmode=c-shared, plugin). 0 and
 * *d untouched if there is none or nothing can be read; else -ENOTSUP and a sentence that names it.
 */
int hosted_find(const struct target *t, struct diag *d);

#endif
