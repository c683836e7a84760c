/*
 * cgroup.h - the control group (v2) of a process, as far as it tells what became of it.
 *
 * Sources: cgroups(7); Linux Documentation/admin-guide/cgroup-v2.rst.
 */
#ifndef PROC_CGROUP_H
#define PROC_CGROUP_H

#include <stddef.h>

enum { CGROUP_PATH = 4096 };

/*
 * The path below the v2 mount from the text of /proc/PID/cgroup ("0::/path"); 0, or -ENOENT: none
 * or a path outside (begins with "/..") or too long.
 */
int cgroup_parse(const char *text, char ret_path[static CGROUP_PATH]);

/* Opens file of pid's group for reading. A descriptor that the caller owns, or -1. */
int cgroup_open(int pid, const char *file);

#endif
