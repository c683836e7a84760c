#include "proc/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"

int cgroup_parse(const char *text, char ret_path[static CGROUP_PATH])
{
	for (const char *line = text; line && *line;) {
		const char *end = strchr(line, '\n');
		size_t len = end ? (size_t)(end - line) : strlen(line);

		if (len > 3 && strncmp(line, "0::/", 4) == 0) {
			len -= 3;
			if (len >= CGROUP_PATH || strncmp(line + 3, "/..", 3) == 0)
				return -ENOENT;
			memcpy(ret_path, line + 3, len);
			ret_path[len] = '\0';
			return 0;
		}
		line = end ? end + 1 : NULL;
	}
	return -ENOENT;
}

int cgroup_open(int pid, const char *file)
{
	char name[64], text[CGROUP_PATH + 512], path[CGROUP_PATH], full[2 * CGROUP_PATH];
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	SCOPED_FD int fd = open(name, O_RDONLY | O_CLOEXEC);

	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	if (cgroup_parse(text, path) < 0)
		return -1;
	snprintf(full, sizeof(full), "/sys/fs/cgroup%s/%s", path, file);
	return open(full, O_RDONLY | O_CLOEXEC);
}
