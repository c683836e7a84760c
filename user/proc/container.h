/*
 * container.h - thread ids as the target sees them and as this machine sees them.
 *
 * m.procid is the thread id in the target's own pid namespace; the kernel's tools here use the ids
 * of ours. The NSpid line of /proc/PID/task/TID/status has both: ours first (the namespace of the
 * /proc mount), the target's own last (Linux 4.1, fs/proc/array.c).
 */
#ifndef PROC_CONTAINER_H
#define PROC_CONTAINER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"
#include "base/map.h"

struct target;

/*
 * All threads of t now: key = tid in the target's namespace, value = tid here. Threads that end
 * during the walk are left out. Returns 0, -ESRCH, -E2BIG (over LIMIT_MS), -ENOMEM. *ret is emptied
 * first and kept by the caller (map_done), also after an error.
 */
int container_tids(const struct target *t, struct map *ret, struct diag *d);

/* The last number of an NSpid line's text ("NSpid:\t4711\t12\t1"), or -EBADMSG. */
int container_parse_nspid(const char *text, pid_t *ret);

#endif
