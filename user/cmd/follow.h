/*
 * follow.h - waits for a process by name, and for its successor.
 *
 * A process that cannot be recorded is tried again for a while (it may not have started its runtime
 * yet), then left alone: the next one of that name is waited for.
 */
#ifndef CMD_FOLLOW_H
#define CMD_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"

struct follow {
	const char *comm, *exe; /* borrowed; one of them */
	int bad_pid;		/* the one that is left alone */
	uint64_t bad_start;
	int pid; /* the one found last */
	uint64_t start, found_ns;
	bool told_many;
};

/*
 * Waits until there is one. 1 with *ret_pid; 0 when signal_fd can be read; or an error.
 */
int follow_wait(struct follow *f, int signal_fd, int *ret_pid, struct diag *d);

/* It could not be recorded: true if it should be tried again (after a short wait of ours). */
bool follow_again(struct follow *f);
/* It ended or is left alone. */
void follow_leave(struct follow *f);

#endif
