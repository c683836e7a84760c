/*
 * hosted.c - a library with a Go runtime in it, by its file's build info.
 *
 * It could be recorded, too: its code is found by the same tables. But its g lies in thread-local
 * storage that the dynamic linker placed, and the process may hold several such runtimes.
 */
#include "capture/hosted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "image/image.h"
#include "proc/maps.h"

/* The file behind a mapping, whatever its path names now; else by the path in the target's root. */
static int row_open(const struct target *t, const struct maps *maps, const struct maps_row *row)
{
	char name[TARGET_PATH + 32];
	int fd;

	snprintf(name, sizeof(name), "map_files/%llx-%llx", (unsigned long long)row->start,
		 (unsigned long long)row->end);
	fd = openat(t->proc_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	snprintf(name, sizeof(name), "root%s", maps_path(maps, row));
	return openat(t->proc_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

static int row_judge(const struct target *t, const struct maps *maps, const struct maps_row *row,
		     struct diag *d)
{
	SCOPED_FD int fd = row_open(t, maps, row);
	struct diag why = { 0 };
	struct image *img = NULL;
	int err = 0;

	if (fd < 0 || image_open(fd, maps_path(maps, row), &img, &why) < 0)
		return 0;
	err = diag_set(d, -ENOTSUP,
		       "pid %d: %s is no Go program, but has loaded %s with a Go runtime (%s) in it; "
		       "Go libraries are not recorded, only programs (c-archive is one)",
		       (int)t->pid, t->exe, maps_path(maps, row),
		       image_get_info(img)->version.text);
	image_free(img);
	return err;
}

int hosted_find(const struct target *t, struct diag *d)
{
	struct diag why = { 0 };
	struct maps maps;
	int err = 0;

	if (maps_read(t, &maps, &why) < 0)
		return 0;
	for (size_t i = 0; !err && i < maps.cnt; i++) {
		const struct maps_row *row = &maps.v[i];

		if ((row->prot & MAPS_X) && row->ino != 0 &&
		    !(row->dev == t->dev && row->ino == t->ino))
			err = row_judge(t, &maps, row, d);
	}
	maps_done(&maps);
	return err;
}
