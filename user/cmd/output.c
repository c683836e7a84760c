#include "cmd/output.h"

#include <errno.h>
#include <fcntl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int output_open(struct output *o, const char *path, struct diag *d)
{
	struct stat st;

	*o = (struct output){ .fd = -1, .dirfd = AT_FDCWD };
	if (strcmp(path, "-") == 0) {
		o->is_stdout = true;
		o->fd = STDOUT_FILENO;
		return 0;
	}
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return diag_set(d, -EINVAL,
				"%s: not a regular file; name a file, or - for stdout", path);
	o->path = strdup(path);
	if (!o->path || asprintf(&o->tmp, "%s.tmp-XXXXXX", path) < 0) {
		o->tmp = NULL;
		output_done(o);
		return diag_set(d, -ENOMEM, "no memory");
	}
	o->fd = mkostemp(o->tmp, O_CLOEXEC); /* mode 0600 */
	if (o->fd < 0) {
		int err = errno;

		free(o->tmp);
		o->tmp = NULL;
		output_done(o);
		return diag_set(d, -err, "%s: cannot create: %s; choose another place with -o",
				path, strerror(err));
	}
	return 0;
}

int output_open_in(struct output *o, int dirfd, const char *name, struct diag *d)
{
	struct timespec ts;

	*o = (struct output){ .fd = -1, .dirfd = dirfd };
	clock_gettime(CLOCK_MONOTONIC, &ts);
	o->path = strdup(name);
	if (!o->path || asprintf(&o->tmp, ".%.200s.tmp-%d-%lld%09ld", name, (int)getpid(),
				 (long long)ts.tv_sec, ts.tv_nsec) < 0) {
		o->tmp = NULL;
		output_done(o);
		return diag_set(d, -ENOMEM, "no memory");
	}
	o->fd = openat(dirfd, o->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (o->fd < 0) {
		int err = errno;

		free(o->tmp);
		o->tmp = NULL;
		output_done(o);
		return diag_set(d, -err, "%s: cannot create: %s", name, strerror(err));
	}
	return 0;
}

int output_write(struct output *o, const void *p, size_t len, struct diag *d)
{
	const uint8_t *b = p;

	while (len) {
		ssize_t n = write(o->fd, b, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return diag_set(d, -errno, "%s: cannot write: %s",
					o->is_stdout ? "stdout" : o->path, strerror(errno));
		b += n;
		len -= (size_t)n;
		o->bytes += (uint64_t)n;
	}
	return 0;
}

/* The caller of sudo owns what sudo made. Best effort: the file is private either way. */
static void output_chown(const struct output *o)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");
	char *end;
	unsigned long u, g = (unsigned long)-1;

	if (geteuid() != 0 || !uid || !*uid)
		return;
	u = strtoul(uid, &end, 10);
	if (*end)
		return;
	if (gid && *gid) {
		g = strtoul(gid, &end, 10);
		if (*end)
			g = (unsigned long)-1;
	}
	if (fchown(o->fd, (uid_t)u, (gid_t)g) < 0)
		return;
}

static int output_sync(struct output *o, struct diag *d)
{
	output_chown(o);
	if (fsync(o->fd) < 0)
		return diag_set(d, -errno, "%s: cannot sync: %s", o->path, strerror(errno));
	return 0;
}

/* The temporary name is no more. Its pointer goes first: a signal's handler may look at it (cmd/record.c). */
static void output_forget(struct output *o)
{
	char *tmp = o->tmp;

	*(char *volatile *)&o->tmp = NULL;
	free(tmp);
}

int output_commit(struct output *o, struct diag *d)
{
	int err;

	if (o->is_stdout)
		return 0;
	err = output_sync(o, d);
	if (err < 0)
		return err;
	if (renameat(o->dirfd, o->tmp, o->dirfd, o->path) < 0)
		return diag_set(d, -errno, "%s: cannot rename: %s", o->path, strerror(errno));
	output_forget(o);
	return 0;
}

int output_commit_as(struct output *o, const char *name, struct diag *d)
{
	char *path = strdup(name);
	int err;

	if (!path)
		return diag_set(d, -ENOMEM, "no memory");
	free(o->path);
	o->path = path;
	err = output_sync(o, d);
	if (err < 0)
		return err;
	if (renameat2(o->dirfd, o->tmp, o->dirfd, name, RENAME_NOREPLACE) < 0) {
		if (errno != EINVAL) /* a file system that cannot tell */
			return diag_set(d, -errno, "%s: cannot rename: %s", name, strerror(errno));
		if (faccessat(o->dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return diag_set(d, -EEXIST, "%s: exists", name);
		return output_commit(o, d);
	}
	output_forget(o);
	return 0;
}

void output_done(struct output *o)
{
	if (o->tmp)
		unlinkat(o->dirfd, o->tmp, 0);
	output_forget(o);
	if (o->fd > STDERR_FILENO)
		close(o->fd);
	free(o->path);
	*o = (struct output){ .fd = -1, .dirfd = AT_FDCWD };
}
