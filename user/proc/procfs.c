#include "proc/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/scope.h"

ssize_t procfs_read(int dirfd, const char *name, char *buf, size_t cap)
{
	SCOPED_FD int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;

	if (fd < 0)
		return -errno;
	while (len < cap - 1) {
		ssize_t n = read(fd, buf + len, cap - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return (ssize_t)len;
}

const char *procfs_field(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		if (*p == '\n')
			p++;
		if (strncmp(p, key, n) != 0)
			continue;
		p += n;
		while (*p == ' ' || *p == '\t')
			p++;
		return p;
	}
	return NULL;
}

int64_t procfs_number(const char *text, int64_t dflt)
{
	char *end;
	long long v;

	if (!text)
		return dflt;
	errno = 0;
	v = strtoll(text, &end, 10);
	return end == text || errno ? dflt : v;
}

/* Field numbers of proc_pid_stat(5), 1-based; 3 is the state, the first behind comm. */
enum {
	STAT_FLAGS = 9,
	STAT_UTIME = 14,
	STAT_STIME = 15,
	STAT_START = 22,
	STAT_STARTCODE = 26,
	STAT_ENDCODE = 27,
	STAT_STARTSTACK = 28,
	STAT_EXIT = 52,
	STAT_FIELDS = 53
};

int procfs_parse_stat(const char *text, struct procfs_stat *ret)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	uint64_t f[STAT_FIELDS] = { 0 };
	struct procfs_stat s = { 0 };
	const char *p;

	if (!open || !close || close < open || close[1] != ' ' || !close[2])
		return -EBADMSG;
	memcpy(s.comm, open + 1, num_min((size_t)(close - open - 1), sizeof(s.comm) - 1));
	s.state = close[2];
	p = close + 3;
	for (unsigned i = 4; i < STAT_FIELDS && *p == ' '; i++) {
		char *end;

		/*
		 * Some fields are signed; strtoull takes the sign and wraps, which is what we want.
		 */
		f[i] = strtoull(p + 1, &end, 10);
		if (end == p + 1)
			break;
		p = end;
	}
	s.flags = f[STAT_FLAGS];
	s.utime = f[STAT_UTIME];
	s.stime = f[STAT_STIME];
	s.starttime = f[STAT_START];
	s.startcode = f[STAT_STARTCODE];
	s.endcode = f[STAT_ENDCODE];
	s.startstack = f[STAT_STARTSTACK];
	s.exit_code = (int)(uint32_t)f[STAT_EXIT];
	*ret = s;
	return 0;
}
