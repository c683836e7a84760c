#include "cmd/follow.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/session.h"
#include "proc/find.h"

enum {
	LOOK_MS = 100,
	PATIENCE_MS = 3000, /* for a process to become one that can be recorded */
};

static const char *name_of(const struct follow *f)
{
	return f->comm ? f->comm : f->exe;
}

static bool take(struct follow *f, const struct find_result *r)
{
	if (r->pid == f->bad_pid && r->start_ticks == f->bad_start)
		return false;
	if (r->cnt > 1 && !f->told_many)
		log_warn("%s: %zu processes have this name; taking pid %d, started last",
			 name_of(f), r->cnt, r->pid);
	f->told_many = r->cnt > 1;
	if (r->pid != f->pid || r->start_ticks != f->start)
		f->found_ns = clock_mono_ns();
	f->pid = r->pid;
	f->start = r->start_ticks;
	return true;
}

int follow_wait(struct follow *f, int signal_fd, int *ret_pid, struct diag *d)
{
	struct pollfd p = { .fd = signal_fd, .events = POLLIN };
	bool told = false;

	for (;;) {
		struct find_result r;
		int err = find_process(f->comm, f->exe, &r);

		if (err < 0 && err != -ENOENT)
			return diag_set(d, err, "/proc: cannot be read: %s", strerror(-err));
		if (!err && take(f, &r)) {
			*ret_pid = r.pid;
			return 1;
		}
		if (!told)
			log_info("%s: waiting for a process of this name", name_of(f));
		told = true;
		if (poll(&p, 1, LOOK_MS) > 0)
			return 0;
	}
}

bool follow_again(struct follow *f)
{
	if (clock_mono_ns() - f->found_ns > PATIENCE_MS * 1000000ULL)
		return false;
	usleep(LOOK_MS * 1000);
	return true;
}

void follow_leave(struct follow *f)
{
	f->bad_pid = f->pid;
	f->bad_start = f->start;
}
