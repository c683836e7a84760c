/*
 * govars.h - addresses of the runtime's variables in a binary without symbols: operands of known
 * instructions in known functions.
 *
 * V1  An answer lies in the loaded image (its memory, not necessarily its file) or is none.
 * V2  The patterns are the same from 1.19 to 1.27 but for trace.enabled; where a function does not
 *     have the pattern, the variable is not found: nothing is taken for near enough.
 *
 * Facts: docs/go-runtime.md 1.3.
 */
#ifndef IMAGE_GOVARS_H
#define IMAGE_GOVARS_H

#include "image/gopclntab.h"

/*
 * Fills ret_va[VAR_CNT]; 0 for what was not found. minor and the offset of schedt.lock are the
 * version's; lock_off == GOLAYOUT_NONE: VAR_SCHED is not looked for.
 */
void govars_find(const struct gopclntab *t, unsigned minor, unsigned lock_off, uint64_t *ret_va);

/* image.h: image_tls_g. */
int govars_tls_g(const struct gopclntab *t, int64_t *ret_off);

const char *govars_name(enum image_var var);

#endif
