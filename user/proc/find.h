/*
 * find.h - a process by its name or its program.
 *
 * Sources: proc(5). comm is cut to 15 bytes by the kernel: a longer name is compared as far as
 * that.
 */
#ifndef PROC_FIND_H
#define PROC_FIND_H

#include <stddef.h>
#include <stdint.h>

struct find_result {
	int pid;	      /* the one that was started last */
	uint64_t start_ticks; /* since boot: with pid its identity */
	size_t cnt;	      /* how many there are */
};

/*
 * Looks for living processes (no zombies, not this one) whose comm is comm, or, if comm is NULL,
 * whose program is the file exe (the same file as exe names now, or a path of that text). 0 or
 * -ENOENT, or -errno of /proc.
 */
int find_process(const char *comm, const char *exe, struct find_result *ret);

#endif
