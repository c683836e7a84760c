#include "cmd/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/ctlpath.h"

struct client {
	int fd; /* owned; -1: free */
	char line[CTL_LINE];
	size_t len;
	uint64_t waits; /* for this dump; 0: not asked yet */
};

struct ctl {
	int lock_fd, listen_fd; /* owned */
	char lock_path[CTL_PATH];
	char path[CTL_PATH]; /* of the socket; "": not bound */
	struct client v[CTL_CLIENTS];
};

/* Takes the lock and leaves our pid in it. */
static int ctl_lock(struct ctl *c, int pid, struct diag *d)
{
	char *path = c->lock_path, text[32] = "";
	int err = ctlpath_get(pid, "lock", true, path, d), n;

	if (err < 0)
		return err;
	c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->lock_fd < 0)
		return diag_set(d, -errno, "%s: cannot open: %s", path, strerror(errno));
	if (flock(c->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (pread(c->lock_fd, text, sizeof(text) - 1, 0) <= 0)
			snprintf(text, sizeof(text), "?");
		return diag_set(
			d, -EBUSY,
			"pid %d: has a flight recorder already (pid %s); see gotrace-bpf ctl "
			"%d status",
			pid, text, pid);
	}
	n = snprintf(text, sizeof(text), "%d", (int)getpid());
	if (ftruncate(c->lock_fd, 0) < 0 || pwrite(c->lock_fd, text, (size_t)n, 0) != n)
		return diag_set(d, -EIO, "%s: cannot write", path);
	return 0;
}

static int ctl_bind(struct ctl *c, int pid, struct diag *d)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char path[CTL_PATH];
	int err = ctlpath_get(pid, "sock", true, path, d);
	mode_t mask;

	if (err < 0)
		return err;
	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listen_fd < 0)
		return diag_set(d, -errno, "cannot make a socket: %s", strerror(errno));
	(void)unlink(path); /* of one that was killed: we have the lock */
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	mask = umask(0177);
	err = bind(c->listen_fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
	umask(mask);
	if (!err && listen(c->listen_fd, CTL_CLIENTS) < 0)
		err = -errno;
	if (err < 0)
		return diag_set(d, err, "%s: cannot listen: %s", path, strerror(-err));
	snprintf(c->path, sizeof(c->path), "%s", path);
	return 0;
}

int ctl_open(int pid, struct ctl **ret, struct diag *d)
{
	struct ctl *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return diag_set(d, -ENOMEM, "no memory");
	c->lock_fd = c->listen_fd = -1;
	for (size_t i = 0; i < CTL_CLIENTS; i++)
		c->v[i].fd = -1;
	err = ctl_lock(c, pid, d);
	if (!err)
		err = ctl_bind(c, pid, d);
	if (err < 0) {
		ctl_close(c);
		return err;
	}
	*ret = c;
	return 0;
}

static void client_close(struct client *cl)
{
	if (cl->fd >= 0)
		close(cl->fd);
	*cl = (struct client){ .fd = -1 };
}

void ctl_close(struct ctl *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CTL_CLIENTS; i++)
		client_close(&c->v[i]);
	if (c->listen_fd >= 0)
		close(c->listen_fd);
	if (c->path[0]) {
		(void)unlink(c->path);
		/* While we hold it: whoever opened it meanwhile fails to lock it, and may try again. */
		(void)unlink(c->lock_path);
	}
	if (c->lock_fd >= 0)
		close(c->lock_fd);
	free(c);
}

size_t ctl_fds(const struct ctl *c, struct pollfd *ret)
{
	size_t n = 0;

	ret[n++] = (struct pollfd){ .fd = c->listen_fd, .events = POLLIN };
	/* Those who wait for an answer are watched for going away. */
	for (size_t i = 0; i < CTL_CLIENTS; i++)
		if (c->v[i].fd >= 0)
			ret[n++] = (struct pollfd){ .fd = c->v[i].fd,
						    .events = c->v[i].waits ? 0 : POLLIN };
	return n;
}

/* One send: an answer fits a socket's buffer, or it is lost (C3). */
static void client_send(struct client *cl, bool ok, const char *text, size_t len)
{
	struct buf b = { 0 };

	buf_printf(&b, ok ? "ok\n" : "error\n");
	buf_bytes(&b, text, len);
	buf_u8(&b, '\n');
	if (!b.failed)
		(void)send(cl->fd, b.p, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_done(&b);
	client_close(cl);
}

static void ctl_accept(struct ctl *c)
{
	struct ucred uc;
	socklen_t len = sizeof(uc);
	int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &uc, &len) < 0 ||
	    (uc.uid != geteuid() && uc.uid != 0)) {
		close(fd);
		return;
	}
	for (size_t i = 0; i < CTL_CLIENTS; i++) {
		if (c->v[i].fd < 0) {
			c->v[i].fd = fd;
			return;
		}
	}
	(void)send(fd, "error\ntoo many requests at once\n", 31, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void client_do(struct client *cl, ctl_handler *handler, void *ctx)
{
	struct buf text = { 0 };
	uint64_t id = 0;
	int err = handler(ctx, cl->line, &text, &id);

	if (err == CTL_LATER)
		cl->waits = id;
	else
		client_send(cl, err == 0, (const char *)text.p, text.len);
	buf_done(&text);
}

static void client_read(struct client *cl, ctl_handler *handler, void *ctx)
{
	ssize_t n = recv(cl->fd, cl->line + cl->len, sizeof(cl->line) - 1 - cl->len, 0);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_close(cl);
		return;
	}
	cl->len += (size_t)n;
	cl->line[cl->len] = '\0';
	end = strchr(cl->line, '\n');
	if (end) {
		*end = '\0';
		client_do(cl, handler, ctx);
	} else if (cl->len == sizeof(cl->line) - 1) {
		client_send(cl, false, "the request is too long", 23);
	}
}

void ctl_serve(struct ctl *c, const struct pollfd *fds, size_t n, ctl_handler *handler, void *ctx)
{
	for (size_t k = 0; k < n; k++) {
		if (!fds[k].revents)
			continue;
		if (fds[k].fd == c->listen_fd) {
			ctl_accept(c);
			continue;
		}
		for (size_t i = 0; i < CTL_CLIENTS; i++) {
			if (c->v[i].fd != fds[k].fd)
				continue;
			if (!c->v[i].waits)
				client_read(&c->v[i], handler, ctx);
			else
				client_close(&c->v[i]);
		}
	}
}

void ctl_answer(struct ctl *c, uint64_t id, bool ok, const char *text)
{
	for (size_t i = 0; i < CTL_CLIENTS; i++)
		if (c->v[i].fd >= 0 && c->v[i].waits == id)
			client_send(&c->v[i], ok, text, strlen(text));
}
