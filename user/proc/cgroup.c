#include "proc/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/scope.h"

/* Is name one of a list "cpu,memory" of len bytes? */
static bool in_list(const char *list, size_t len, const char *name)
{
	size_t n = strlen(name);

	for (size_t at = 0; at + n <= len; at++)
		if ((at == 0 || list[at - 1] == ',') && strncmp(list + at, name, n) == 0 &&
		    (at + n == len || list[at + n] == ','))
			return true;
	return false;
}

/* The path in a line of len bytes, "4:cpu,memory:/path" or "0::/path"; NULL: not the one wanted. */
static const char *line_path(const char *line, size_t len, const char *controller)
{
	const char *list = memchr(line, ':', len), *path;

	if (!list)
		return NULL;
	list++;
	path = memchr(list, ':', len - (size_t)(list - line));
	if (!path || path + 1 == line + len || path[1] != '/')
		return NULL;
	if (controller ? !in_list(list, (size_t)(path - list), controller)
		       : path != list || line[0] != '0')
		return NULL;
	return path + 1;
}

int cgroup_parse(const char *text, const char *controller, char ret_path[static CGROUP_PATH])
{
	for (const char *line = text; line && *line;) {
		const char *end = strchr(line, '\n');
		size_t len = end ? (size_t)(end - line) : strlen(line);
		const char *path = line_path(line, len, controller);

		if (path) {
			len -= (size_t)(path - line);
			if (len >= CGROUP_PATH || strncmp(path, "/..", 3) == 0)
				return -ENOENT;
			memcpy(ret_path, path, len);
			ret_path[len] = '\0';
			return 0;
		}
		line = end ? end + 1 : NULL;
	}
	return -ENOENT;
}

int cgroup_open_oom(int pid)
{
	static const struct {
		const char *controller, *mount, *file;
	} places[] = {
		{ NULL, "/sys/fs/cgroup", "memory.events" },
		{ NULL, "/sys/fs/cgroup/unified", "memory.events" },
		{ "memory", "/sys/fs/cgroup/memory", "memory.oom_control" },
	};
	char name[64], text[CGROUP_PATH + 512], path[CGROUP_PATH], full[2 * CGROUP_PATH];
	int fd = -1;
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	SCOPED_FD int list = open(name, O_RDONLY | O_CLOEXEC);

	n = list < 0 ? -1 : read(list, text, sizeof(text) - 1);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	for (size_t i = 0; fd < 0 && i < ARRAY_LEN(places); i++) {
		if (cgroup_parse(text, places[i].controller, path) < 0)
			continue;
		snprintf(full, sizeof(full), "%s%s/%s", places[i].mount, path, places[i].file);
		fd = open(full, O_RDONLY | O_CLOEXEC);
	}
	return fd;
}
