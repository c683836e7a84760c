#include "cmd/ctlpath.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void ctlpath_dir(char *ret, size_t cap)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		snprintf(ret, cap, "/run/gotrace-bpf");
	else if (xdg && xdg[0] == '/' && strlen(xdg) < 60)
		snprintf(ret, cap, "%s/gotrace-bpf", xdg);
	else
		snprintf(ret, cap, "/tmp/gotrace-bpf-%u", (unsigned)geteuid());
}

int ctlpath_get(int pid, const char *what, bool make, char ret[static CTL_PATH], struct diag *d)
{
	char dir[80];
	struct stat st;

	ctlpath_dir(dir, sizeof(dir));
	if (make && mkdir(dir, 0700) < 0 && errno != EEXIST)
		return diag_set(d, -errno, "%s: cannot make it: %s", dir, strerror(errno));
	if (lstat(dir, &st) < 0)
		return diag_set(d, -errno,
				"pid %d: no flight recorder of yours is known here (%s: %s)", pid,
				dir, strerror(errno));
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
		return diag_set(d, -EPERM, "%s: must be a folder of yours alone (0700)", dir);
	snprintf(ret, CTL_PATH, "%s/%d.%s", dir, pid, what);
	return 0;
}
