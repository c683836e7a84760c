/*
 * snapshot.h - the goroutines, Ps and Ms of a live process, as records, without stopping it.
 *
 * S1  Nothing is stopped and nothing is written: all is read, in batches, while the process runs.
 * S2  The ts of a record is taken right after the (first) read of the object: so an object that
 *     left no record before ts was at ts what the record says, since any change would have left one
 *     with an earlier time. An object that changed between two reads is read again, a few times; what
 *     still changes then is told as last read, without a stack.
 * S3  The stack of a goroutine is what stood in memory between two equal reads of its status, goid,
 *     thread, stack bounds, sp and pc, with ts between the two reads. (One that ran and came back
 *     to the very same sp and pc in between passes; it then left records.)
 * S4  Times do not fall from record to record. Pcs are addresses in the process: whoever
 *     symbolises takes off the load bias. Return addresses, but for REC_F_SCHED_PC (record.h).
 * S5  Counts, pointers and stacks in the process are not trusted: caps of base/limits.h, rising
 *     frame pointers within the stack's bounds, a time limit; memory is of fixed size, a few MiB.
 *
 * Emitted, in this order: HOOK_SNAP_P each P; SNAP_M each M with a thread; SNAP_G each goroutine
 * that exists (dead, idle and spare ones do not); SNAP_GC; SNAP_END. A running goroutine that
 * shows the status "waiting" (a pseudo-wait of the collector: its thread's curg is itself) is told
 * as running (2). gstatus is without the scan bit. seq and lost are 0.
 *
 * Source: docs/go-runtime.md 7, 8.
 */
#ifndef CAPTURE_SNAPSHOT_H
#define CAPTURE_SNAPSHOT_H

#include <stdint.h>

#include "base/diag.h"
#include "capture/golive.h"
#include "include/record.h"

/* Takes one record, borrowed for the call; not 0 stops the snapshot, which returns it. */
typedef int snapshot_emit(void *ctx, const struct rec *r);

struct snapshot_stats {
	uint64_t gs, dead, ps, ms;
	uint64_t structs;     /* goroutine structures looked at: allglen */
	uint64_t unreadable;  /* of them */
	uint64_t changed;     /* told without a second equal read (S2) */
	uint64_t stacks, cut; /* stacks read; of them not to their end */
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC */
};

enum { SNAPSHOT_MAX_MS = 20000 }; /* S5; 16 million goroutines take less */

/*
 * Reads everything of v. *ret is filled as far as it went, also on failure. 0; what emit returned;
 * -ESRCH the process is gone; -EFAULT, -EBADMSG its data are not what the layout says; -ETIME over
 * SNAPSHOT_MAX_MS; -ENOMEM.
 */
int snapshot_take(const struct golive *v, snapshot_emit *emit, void *ctx,
		  struct snapshot_stats *ret, struct diag *d);

#endif
