/*
 * cgroup.h - the control group of a process, as far as it tells what became of it.
 *
 * Sources: cgroups(7); Linux Documentation/admin-guide/cgroup-v2.rst (memory.events) and
 * cgroup-v1/memory.rst (memory.oom_control, whose oom_kill counts since 4.13).
 */
#ifndef PROC_CGROUP_H
#define PROC_CGROUP_H

#include <stddef.h>

enum { CGROUP_PATH = 4096 };

/*
 * The path of the group from the text of /proc/PID/cgroup: of v2 ("0::/path") for controller NULL,
 * of a v1 hierarchy that has controller ("4:cpu,memory:/path"). 0, or -ENOENT: none, a path outside
 * (begins with "/..") or too long.
 */
int cgroup_parse(const char *text, const char *controller, char ret_path[static CGROUP_PATH]);

/*
 * Opens the file of pid's group that has a line "oom_kill COUNT". A descriptor that the caller
 * owns, or -1: there is none.
 */
int cgroup_open_oom(int pid);

#endif
