/*
 * cut.h - a smaller trace out of a trace: the generations that a time window touches, as they are.
 *
 * Every generation announces its goroutines and Ps before it uses them, so any run of whole
 * generations is a lawful trace (what a flight recorder relies on, too); readers take any number
 * for the first. Nothing is encoded again: times, stacks and clocks stay the same.
 *
 * D1  A generation lasts from its first tick to the next one's, or to its own last event, if that
 *     is later, or if there is no next one: threads pass from one to the next one by one
 *     (traceAdvance in Go 1.27 trace.go). It is kept if that time touches [from, to).
 */
#ifndef REPORT_CUT_H
#define REPORT_CUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "trace/source.h"

struct cut_stats {
	uint64_t generations, kept;
	uint64_t bytes;	    /* written */
	int64_t begin, end; /* of what was kept, ns since the trace's begin; end -1: to its end */
};

/* Where the bytes go: 0, or a negative errno that ends the cutting. */
typedef int cut_write_fn(void *arg, const void *p, size_t len, struct diag *d);

/*
 * Cuts [from_ns, to_ns), counted from the trace's first event, out of s. 0 if all of it up to to_ns
 * could be read; else -errno and a sentence, when what comes before the damage was still written
 * (ret_stats is set then, too).
 */
int cut_trace(struct source *s, int64_t from_ns, int64_t to_ns, cut_write_fn *write, void *arg,
	      struct cut_stats *ret_stats, struct diag *d);

#endif
