#include "cmd/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int output_open(struct output *o, const char *path, struct diag *d)
{
	struct stat st;

	*o = (struct output){ .fd = -1 };
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

int output_commit(struct output *o, struct diag *d)
{
	if (o->is_stdout)
		return 0;
	output_chown(o);
	if (fsync(o->fd) < 0)
		return diag_set(d, -errno, "%s: cannot sync: %s", o->path, strerror(errno));
	if (rename(o->tmp, o->path) < 0)
		return diag_set(d, -errno, "%s: cannot rename: %s", o->path, strerror(errno));
	free(o->tmp);
	o->tmp = NULL;
	return 0;
}

void output_done(struct output *o)
{
	if (o->tmp)
		unlink(o->tmp);
	if (o->fd > STDERR_FILENO)
		close(o->fd);
	free(o->tmp);
	free(o->path);
	*o = (struct output){ .fd = -1 };
}
