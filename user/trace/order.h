/*
 * order.h - the order rules of the Go execution trace: may this event come next?
 *
 * The state of every thread, P and goroutine is kept as Go's own reader keeps it. Given an event of
 * a thread, the judge says: it comes now (and what it means), it must wait for another thread's, or
 * the trace is broken. The rules are a table (order.c) with a row per event type.
 *
 *	        GoCreate           GoStart            GoSyscallBegin
 *	(none) ----------> runnable -------> running -----------------> syscall
 *	                     ^  ^  GoStop   /  |  ^   GoSyscallEnd       |  |
 *	          GoUnblock  |  +----------+   |  +----------------------+  |
 *	                     |       GoBlock   |      GoSyscallEndBlocked   |
 *	                  waiting <------------+   runnable <---------------+
 *
 *	        ProcStart         GoSyscallBegin              GoDestroySyscall
 *	idle -------------> running <----------> in syscall ------------------> abandoned
 *	  ^    ProcStop        |    GoSyscallEnd    |                              |
 *	  +--------------------+--------------------+----- ProcSteal --------------+
 *
 * O1  Ids of 2^64-1 are "none" and never in a table.
 * O2  A thread holds at most one P and one goroutine; a P, once known, is never forgotten.
 * O3  A sequence number is valid if it is the last one of its goroutine or P, in this generation,
 *     plus one.
 * O4  What an event means refers to the state before it; nothing changes unless it may come.
 * O5  Names of tasks and regions outlive their generation: they are kept by content, counted, and
 *     swept when a generation begins, so that a name given away stays good until then.
 *
 * Source: Go 1.27 internal/trace/order.go, whose verdicts these are (differences: reader.h).
 */
#ifndef TRACE_ORDER_H
#define TRACE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "trace/cursor.h"
#include "trace/gen.h"

struct order;	/* all state of one trace */
struct order_m; /* a thread */

enum { ORDER_OUT_MAX = 3, ORDER_SYNC = 255 };

/* An event that may come, with what the state adds to it. */
struct order_event {
	uint8_t type;	  /* enum ev; never ORDER_SYNC here */
	uint8_t from, to; /* of ProcStatus, GoStatus(Stack), ProcSteal: enum gotrace_*_state */
	int64_t time_ns;
	int64_t m, p, g;      /* before the event; -1: none */
	const uint64_t *args; /* borrowed as the event; UserTaskEnd: [2] is the parent; STWEnd: [0]
				 the kind's string */
	struct gotrace_str name; /* of UserTaskEnd */
};

/* NULL: no memory. */
struct order *order_new(void);
void order_free(struct order *o);

/* Names given away before may go now. */
void order_sweep(struct order *o);

/* The thread's place, made if need be; NULL for no memory. Good until order_free. */
struct order_m *order_m_get(struct order *o, uint64_t m);

/*
 * May ev, of thread m (NULL: of no thread) in generation g, come next? The number of events it
 * stands for, in *ret_evs, borrowed until the next call and while ev is (> 0); 0: not before
 * another thread's; -EBADMSG, -E2BIG, -ENOMEM.
 */
int order_advance(struct order *o, const struct gen *g, struct order_m *m,
		  const struct cursor_event *ev, struct order_event **ret_evs, struct diag *d);

/* Says in d->text why ev must wait: what it asks for and what is there. */
void order_why(const struct order *o, const struct order_m *m, const struct cursor_event *ev,
	       struct diag *d);

/* Goroutines that live now, and the most at one time; Ps known. */
struct order_counts {
	size_t gs, gs_max, ps;
};
void order_get_counts(const struct order *o, struct order_counts *ret_counts);

#endif
