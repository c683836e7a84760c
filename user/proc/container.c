#include "proc/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/scope.h"
#include "proc/procfs.h"
#include "proc/target.h"

enum { STATUS_TEXT = 4096 }; /* NSpid stands in the first few hundred bytes, behind Groups */

int container_parse_nspid(const char *text, pid_t *ret)
{
	const char *p = procfs_field(text, "NSpid:");
	long last = 0;

	while (p && *p && *p != '\n') {
		char *end;
		long v = strtol(p, &end, 10);

		if (end == p || v <= 0 || v > INT32_MAX)
			return -EBADMSG;
		last = v;
		p = end;
		while (*p == ' ' || *p == '\t')
			p++;
	}
	if (last == 0)
		return -EBADMSG;
	*ret = (pid_t)last;
	return 0;
}

static void container_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The thread's own id for the target; 0: it has ended. */
static pid_t container_tid(const struct target *t, int task_fd, const char *tid)
{
	char name[64], text[STATUS_TEXT];
	pid_t v;

	if (t->same_pidns)
		return (pid_t)procfs_number(tid, 0);
	snprintf(name, sizeof(name), "%.32s/status", tid);
	if (procfs_read(task_fd, name, text, sizeof(text)) <= 0 || container_parse_nspid(text, &v))
		return 0;
	return v;
}

int container_tids(const struct target *t, struct map *ret, struct diag *d)
{
	SCOPED_FD int fd = openat(t->proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	SCOPED(container_close) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	map_reset(ret);
	if (!dir)
		return diag_set(d, -ESRCH, "pid %d: cannot list its threads: %s", t->pid,
				strerror(errno));
	(void)take_fd(&fd); /* dir owns it now */
	while ((e = readdir(dir))) {
		pid_t host = (pid_t)procfs_number(e->d_name, 0);
		pid_t own = host > 0 ? container_tid(t, dirfd(dir), e->d_name) : 0;

		if (own <= 0)
			continue;
		if (ret->cnt >= LIMIT_MS)
			return diag_set(d, -E2BIG, "pid %d: has more than %d threads", t->pid,
					LIMIT_MS);
		if (map_put(ret, (uint64_t)own, (uint64_t)host))
			return diag_set(d, -ENOMEM, "pid %d: no memory for its thread list",
					t->pid);
	}
	return ret->cnt ? 0 : diag_set(d, -ESRCH, "pid %d: has no threads any more", t->pid);
}
