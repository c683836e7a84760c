/*
 * ordercheck.h - reads a whole trace by the order rules and counts what is in it.
 *
 * Stricter than the readers in one thing: an event that the header's version does not have is
 * refused. The newest readers let it pass, older ones, for whom the header was chosen, do not.
 */
#ifndef TRACE_ORDERCHECK_H
#define TRACE_ORDERCHECK_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "trace/evspec.h"

struct trace_counts {
	unsigned version;	      /* of the header: 22, 23, 25, 26 */
	uint64_t events;	      /* of all types below, without SYNC */
	uint64_t types[EV_TABLE_LEN]; /* as the readers give them: a GoSwitch counts as three events
				       */
	uint64_t generations;
	uint64_t goroutines; /* that appeared */
	uint64_t procs;
	uint64_t bytes; /* read, after decompression */
	uint64_t gen_bytes_max;
	int64_t first_ns, last_ns; /* of events; both 0 if there are none */
};

/*
 * Checks the trace in memory (borrowed for the call), at path, or from a descriptor (borrowed).
 * 0 it is lawful; -EBADMSG, -ENOTSUP, -E2BIG, -ENOMEM or an error of reading, with d->text naming
 * the first broken rule and its generation, d->off the offset. ret counts what came before it.
 */
int order_check_mem(const void *p, size_t n, struct trace_counts *ret, struct diag *d);
int order_check_path(const char *path, struct trace_counts *ret, struct diag *d);
int order_check_fd(int fd, struct trace_counts *ret, struct diag *d);

#endif
