/*
 * ahead.h - loads the next generation on a second thread while the current one is read.
 *
 *	      ahead_get                 loaded
 *	idle ----------> loading slot i --------> full ----> ahead_get gives i, loads the other one
 *
 * A1  Two slots: the one given stays good until the next ahead_get; the thread owns the other one,
 *     and the source, from ahead_new to ahead_free.
 * A2  The thread ends by itself after the end or an error.
 */
#ifndef TRACE_AHEAD_H
#define TRACE_AHEAD_H

#include "base/diag.h"
#include "trace/gen.h"
#include "trace/source.h"

struct ahead;

/* Starts on s (borrowed, behind the header). 0 or -errno. */
int ahead_new(struct source *s, unsigned version, struct ahead **ret_a, struct diag *d);

/* As gen_load; waits if need be. The end and an error stay. */
int ahead_get(struct ahead *a, struct gen **ret_g, struct diag *d);

/* Waits for the thread. NULL is fine. */
void ahead_free(struct ahead *a);

#endif
