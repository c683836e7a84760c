#include "cmd/ending.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/cgroup.h"

static uint64_t oom_count(int fd)
{
	char text[1024];
	const char *at;
	ssize_t n = fd < 0 ? 0 : pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, "oom_kill ");
	return at ? strtoull(at + strlen("oom_kill "), NULL, 10) : 0;
}

void ending_begin(struct ending *e, int pid)
{
	e->events_fd = cgroup_open_oom(pid);
	e->oom_kills = oom_count(e->events_fd);
}

void ending_done(struct ending *e)
{
	if (e->events_fd >= 0)
		close(e->events_fd);
	*e = (struct ending){ .events_fd = -1 };
}

bool ending_oom(const struct ending *e)
{
	return oom_count(e->events_fd) > e->oom_kills;
}

void ending_text(enum rec_end end, int status, bool oom, char *ret, size_t cap)
{
	if (end == REC_END_EXEC)
		snprintf(ret, cap, "the process replaced itself (exec)");
	else if (end != REC_END_EXIT)
		snprintf(ret, cap, "%s", "");
	else if (status < 0)
		snprintf(ret, cap, "the process ended; this kernel does not tell how");
	else if (WIFSIGNALED(status) && WTERMSIG(status) == 9 && oom)
		snprintf(ret, cap, "the process was killed by the kernel for lack of memory (OOM)");
	else if (WIFSIGNALED(status))
		snprintf(ret, cap, "the process was killed by signal %d (%s)%s", WTERMSIG(status),
			 strsignal(WTERMSIG(status)),
			 WCOREDUMP(status) ? ", with a core dump" : "");
	else if (WEXITSTATUS(status) == 2)
		snprintf(ret, cap,
			 "the process exited with status 2 (a Go panic or fatal error "
			 "exits so)");
	else
		snprintf(ret, cap, "the process exited with status %d", WEXITSTATUS(status));
}

void ending_slug(enum rec_end end, int status, bool oom, char ret[static ENDING_SLUG])
{
	if (end == REC_END_EXEC)
		snprintf(ret, ENDING_SLUG, "exec");
	else if (status < 0)
		snprintf(ret, ENDING_SLUG, "end");
	else if (WIFSIGNALED(status) && WTERMSIG(status) == 9 && oom)
		snprintf(ret, ENDING_SLUG, "oom");
	else if (WIFSIGNALED(status))
		snprintf(ret, ENDING_SLUG, "killed-%d", WTERMSIG(status));
	else
		snprintf(ret, ENDING_SLUG, "exit-%d", WEXITSTATUS(status));
}
