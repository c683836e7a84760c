/*
 * ending.h - how a recorded process ended, in words and in a name.
 *
 * Exit status: the kernel tells it by the pidfd from 6.15 on, and before as long as the zombie is
 * there (proc/target.h). That the kernel's OOM killer did it is not in the status: it shows in the
 * oom_kill count of the process's control group (proc/cgroup.h), which is held open from
 * the start since the group may be gone afterwards.
 */
#ifndef CMD_ENDING_H
#define CMD_ENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/record.h"

enum { ENDING_SLUG = 32 };

struct ending {
	int events_fd;	    /* that count, -1: none; owned */
	uint64_t oom_kills; /* at the start */
};

/* Notes the state at the start. Never fails: what cannot be read is not told. */
void ending_begin(struct ending *e, int pid);
void ending_done(struct ending *e);

/* True if the group's count of OOM kills has risen since. */
bool ending_oom(const struct ending *e);

/*
 * A sentence ("the process was killed by signal 9 (Killed)"; "" when it did not end), and the same
 * as part of a file name ("killed-9", "exit-2", "oom", "exec", "end"). status as wait(2), -1
 * unknown.
 */
void ending_text(enum rec_end end, int status, bool oom, char *ret, size_t cap);
void ending_slug(enum rec_end end, int status, bool oom, char ret[static ENDING_SLUG]);

#endif
