#include "cmd/ctlcmd.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/scope.h"
#include "cmd/ctl.h"
#include "cmd/ctlpath.h"
#include "cmd/options.h"

struct request {
	int pid;
	const char *verb, *file;
	uint64_t last_ns;
	bool json;
};

static int request_options(int argc, char **argv, struct request *r, struct diag *d)
{
	static const struct option longs[] = { { "last", required_argument, NULL, 'l' },
					       { "output", required_argument, NULL, 'o' },
					       { "json", no_argument, NULL, 'j' },
					       { NULL, 0, NULL, 0 } };
	int c, err;

	optind = 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":o:", longs, NULL)) != -1) {
		if (c == 'l') {
			err = parse_duration(optarg, &r->last_ns, d);
			if (err < 0)
				return err;
		} else if (c == 'o') {
			r->file = optarg;
		} else if (c == 'j') {
			r->json = true;
		} else {
			return diag_set(d, -EINVAL,
					"ctl: option '%s' is unknown or lacks its value; " CTL_USAGE,
					argv[optind - 1]);
		}
	}
	if (optind + 2 != argc)
		return diag_set(d, -EINVAL, CTL_USAGE);
	r->verb = argv[optind + 1];
	if (strcmp(r->verb, "dump") != 0 && strcmp(r->verb, "status") != 0 &&
	    strcmp(r->verb, "stop") != 0)
		return diag_set(d, -EINVAL, "ctl: '%s': use dump, status or stop", r->verb);
	if ((r->last_ns || r->file) && strcmp(r->verb, "dump") != 0)
		return diag_set(d, -EINVAL, "ctl: --last and -o go with dump");
	if (r->json && strcmp(r->verb, "status") != 0)
		return diag_set(d, -EINVAL, "ctl: --json goes with status");
	return options_pid(argv[optind], &r->pid, d);
}

/* The recorder has another working folder: it is told the whole path. */
static int request_line(const struct request *r, char *ret, size_t cap, struct diag *d)
{
	char cwd[3072] = "", last[40] = "";
	int n;

	if (r->last_ns)
		snprintf(last, sizeof(last), " last=%" PRIu64, r->last_ns);
	if (r->file && r->file[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return diag_set(d, -errno, "the working folder has no path: %s", strerror(errno));
	if (r->file && (!*r->file || strchr(r->file, '\n')))
		return diag_set(d, -EINVAL, "-o: not the name of a file");
	n = snprintf(ret, cap, "%s%s%s%s%s%s%s\n", r->verb, r->json ? " json" : "", last,
		     r->file ? " file=" : "", cwd, cwd[0] ? "/" : "", r->file ? r->file : "");
	return n < 0 || (size_t)n >= cap ? diag_set(d, -EINVAL, "-o: the path is too long") : 0;
}

static int request_connect(const struct request *r, int *ret_fd, struct diag *d)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char path[CTL_PATH];
	int err = ctlpath_get(r->pid, "sock", false, path, d), fd;

	if (err < 0)
		return err;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return diag_set(d, -errno, "cannot make a socket: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		err = errno;
		close(fd);
		return diag_set(
			d, -err,
			"pid %d: no flight recorder of yours answers (%s: %s); start one with "
			"gotrace-bpf -p %d -F 30s",
			r->pid, path, strerror(err), r->pid);
	}
	*ret_fd = fd;
	return 0;
}

static int request_answer(int fd, struct buf *in, struct diag *d)
{
	char part[4096];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			buf_bytes(in, part, (size_t)n);
	buf_u8(in, 0);
	if (in->failed)
		return diag_set(d, -ENOMEM, "no memory");
	if (n < 0 || in->len < 4)
		return diag_set(d, -EIO, "the recorder ended without an answer");
	if (strncmp((const char *)in->p, "error\n", 6) == 0)
		return diag_set(d, -EIO, "%.*s", (int)strcspn((const char *)in->p + 6, "\n"),
				(const char *)in->p + 6);
	fputs((const char *)in->p + 3, stdout);
	return 0;
}

int cmd_ctl(int argc, char **argv)
{
	struct request r = { 0 };
	struct diag d = { 0 };
	char line[CTL_LINE];
	SCOPED(buf_done) struct buf in = { 0 };
	SCOPED_FD int fd = -1;
	int err = request_options(argc, argv, &r, &d);

	if (err < 0) {
		log_error("%s", d.text);
		return EXIT_USAGE;
	}
	err = request_line(&r, line, sizeof(line), &d);
	if (!err)
		err = request_connect(&r, &fd, &d);
	if (!err && write(fd, line, strlen(line)) < 0)
		err = diag_set(&d, -errno, "cannot ask the recorder: %s", strerror(errno));
	if (!err)
		err = request_answer(fd, &in, &d);
	if (err < 0) {
		log_error("%s", d.text);
		return EXIT_FAILED;
	}
	return EXIT_FINE;
}
