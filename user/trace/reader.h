/*
 * reader.h - a trace's events in order: the threads' batches merged by time, as the judge lets
 * them.
 *
 *	source -> gen (one generation) -> a cursor per thread -> heap by time -> order -> events
 *
 * E1  One generation is in memory (two when reading ahead); what events refer to lives in it.
 * E2  The event with the least time that may come, comes. If none may, the trace is broken.
 * E3  Times strictly increase: an event not after the one before it is moved 1 ns behind it.
 * E4  Every string and stack that an event names is in its generation's tables.
 * E5  The first error stays.
 *
 * Same verdicts and same events as Go 1.27's internal/trace and golang.org/x/exp/trace, but:
 * a frequency of 0, ids of 2^64-1 where an id is meant, and CPU samples whose stack is missing are
 * refused; a file of format 1.26 that ends behind tables alone is truncated, not whole; CPU samples
 * with equal times come in the order of the file; a region event of no known goroutine is refused.
 *
 * Source: Go 1.27 internal/trace/reader.go.
 */
#ifndef TRACE_READER_H
#define TRACE_READER_H

#include "base/diag.h"
#include "trace/gen.h"
#include "trace/order.h"
#include "trace/source.h"

struct reader;

struct reader_event {
	const struct order_event *ev;	   /* type ORDER_SYNC or EV_CPU_SAMPLE, too */
	const struct gen *gen;		   /* NULL in the last SYNC */
	const struct gotrace_stack *stack; /* of what was executing */
	const struct gotrace_stack *other; /* GoCreate: where the new goroutine starts */
	/* The string argument, "" if there is none; NULL: STWEnd's is elsewhere. */
	struct gen_str *str;
	struct gen_str *str2; /* UserLog: the message */
	uint64_t syncs;
};

/*
 * Takes s over, also on failure, and reads the header. ahead: a second thread loads the next
 * generation. 0, or -errno with d set.
 */
int reader_new(struct source *s, bool ahead, struct reader **ret_r, struct diag *d);
void reader_free(struct reader *r);

/*
 * The next event, borrowed until the next call. 1; 0 at the end; -errno with d set: d->off is the
 * offset in the (decompressed) file.
 */
int reader_next(struct reader *r, struct reader_event *ret_ev, struct diag *d);

unsigned reader_get_version(const struct reader *r);

struct reader_stats {
	uint64_t bytes, generations, gen_bytes_max;
	uint64_t gen; /* number of the generation that is being read, or 0 */
	struct order_counts counts;
};
void reader_get_stats(const struct reader *r, struct reader_stats *ret_stats);

#endif
