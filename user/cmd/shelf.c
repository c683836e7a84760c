#include "cmd/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void shelf_drop(struct shelf *s, size_t i)
{
	s->bytes -= s->v[i].bytes;
	memmove(s->v + i, s->v + i + 1, (s->cnt - i - 1) * sizeof(*s->v));
	s->cnt--;
}

static bool shelf_same(const struct shelf *s, const struct shelf_file *f)
{
	struct stat st;

	return fstatat(s->dirfd, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == f->dev &&
	       st.st_ino == f->ino;
}

size_t shelf_room(struct shelf *s, uint64_t bytes)
{
	size_t n = 0;

	while (s->cnt && ((s->max_files && s->cnt + 1 > s->max_files) ||
			  (s->max_bytes && s->bytes + bytes > s->max_bytes))) {
		/* One that was moved away or replaced is not ours any more. */
		if (shelf_same(s, &s->v[0]) && unlinkat(s->dirfd, s->v[0].name, 0) == 0)
			n++;
		shelf_drop(s, 0);
	}
	s->removed += n;
	return n;
}

int shelf_add(struct shelf *s, const struct shelf_file *f)
{
	if (!s->max_files && !s->max_bytes)
		return 0;
	/* A file that replaced one of ours stands for it. */
	for (size_t i = 0; i < s->cnt; i++) {
		if (strcmp(s->v[i].name, f->name) == 0) {
			shelf_drop(s, i);
			break;
		}
	}
	if (s->cnt == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct shelf_file *v = reallocarray(s->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->v = v;
		s->cap = cap;
	}
	s->v[s->cnt++] = *f;
	s->bytes += f->bytes;
	return 0;
}

void shelf_forget(struct shelf *s, int dirfd)
{
	s->cnt = 0;
	s->bytes = 0;
	s->dirfd = dirfd;
}

void shelf_done(struct shelf *s)
{
	free(s->v);
	*s = (struct shelf){ .dirfd = -1 };
}
