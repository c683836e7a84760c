#include "proc/find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc/procfs.h"

enum { COMM_CUT = 15, STAT_TEXT = 1024 };

static bool is_comm(const char *comm, const char *is)
{
	return strncmp(comm, is, COMM_CUT) == 0 &&
	       (strlen(comm) > COMM_CUT ? strlen(is) == COMM_CUT : strlen(is) == strlen(comm));
}

static bool is_exe(const char *exe, int proc_fd, const char *pid)
{
	char name[32], path[4096];
	struct stat a, b;
	ssize_t n;

	snprintf(name, sizeof(name), "%.20s/exe", pid);
	if (fstatat(proc_fd, name, &a, 0) == 0 && stat(exe, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino)
		return true;
	/* In a container the path means another file here: its text is what was asked for. */
	n = readlinkat(proc_fd, name, path, sizeof(path) - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	return strcmp(path, exe) == 0;
}

int find_process(const char *comm, const char *exe, struct find_result *ret)
{
	struct find_result r = { 0 };
	DIR *dir = opendir("/proc");
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		char name[32], text[STAT_TEXT];
		struct procfs_stat st;
		int pid = atoi(e->d_name);

		if (pid <= 0 || pid == (int)getpid() || strlen(e->d_name) > 10)
			continue;
		snprintf(name, sizeof(name), "%.10s/stat", e->d_name);
		if (procfs_read(dirfd(dir), name, text, sizeof(text)) <= 0 ||
		    procfs_parse_stat(text, &st) < 0 || st.state == 'Z' || st.state == 'X')
			continue;
		if (comm ? !is_comm(comm, st.comm) : !is_exe(exe, dirfd(dir), e->d_name))
			continue;
		r.cnt++;
		if (st.starttime >= r.start_ticks) {
			r.start_ticks = st.starttime;
			r.pid = pid;
		}
	}
	closedir(dir);
	if (!r.cnt)
		return -ENOENT;
	*ret = r;
	return 0;
}
