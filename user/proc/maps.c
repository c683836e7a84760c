#include "proc/maps.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/num.h"
#include "base/scope.h"
#include "base/span.h"
#include "proc/target.h"

enum {
	LINE_BYTES = 16384, /* a path of PATH_MAX, escaped, and the columns before it */
	PAGE_BYTES = 4096,
	PHDR_BYTES = 56
};

void maps_done(struct maps *m)
{
	free(m->v);
	buf_done(&m->paths);
	memset(m, 0, sizeof(*m));
}

const char *maps_path(const struct maps *m, const struct maps_row *row)
{
	return row->path < m->paths.len ? (const char *)m->paths.p + row->path : "";
}

/* ---- one line ----------------------------------------------------------------------------- */

static uint64_t maps_hex(struct span *s)
{
	uint64_t v = 0;
	unsigned digits = 0;

	for (; s->left; span_skip(s, 1), digits++) {
		uint8_t c = *s->p;
		unsigned d = 16;

		if (c >= '0' && c <= '9')
			d = c - '0';
		else if (c >= 'a' && c <= 'f')
			d = c - 'a' + 10;
		else
			break;
		v = v << 4 | d;
	}
	return digits && digits <= 16 ? v : span_fail(s);
}

static void maps_want(struct span *s, char c)
{
	if (span_u8(s) != (uint8_t)c)
		span_fail(s);
}

int maps_parse_line(const char *line, size_t len, struct maps_row *ret, const char **ret_path,
		    size_t *ret_path_len)
{
	struct span s = span_of(line, len);
	struct maps_row r = { 0 };
	const uint8_t *prot;
	uint64_t maj, min;

	r.start = maps_hex(&s);
	maps_want(&s, '-');
	r.end = maps_hex(&s);
	maps_want(&s, ' ');
	prot = span_take(&s, 4);
	if (prot)
		r.prot = (uint8_t)((prot[0] == 'r' ? MAPS_R : 0) | (prot[1] == 'w' ? MAPS_W : 0) |
				   (prot[2] == 'x' ? MAPS_X : 0));
	maps_want(&s, ' ');
	r.off = maps_hex(&s);
	maps_want(&s, ' ');
	maj = maps_hex(&s);
	maps_want(&s, ':');
	min = maps_hex(&s);
	maps_want(&s, ' ');
	if (!s.left || *s.p < '0' || *s.p > '9')
		return -EBADMSG;
	while (s.left && *s.p >= '0' && *s.p <= '9')
		if (num_mul(r.ino, 10u, &r.ino) ||
		    num_add(r.ino, (uint64_t)(span_u8(&s) - '0'), &r.ino))
			return -EBADMSG;
	while (s.left && *s.p == ' ')
		span_skip(&s, 1);
	if (s.bad || r.start >= r.end || maj > UINT32_MAX || min > UINT32_MAX)
		return -EBADMSG;
	r.dev = makedev((unsigned)maj, (unsigned)min);
	*ret = r;
	*ret_path = (const char *)s.p;
	*ret_path_len = s.left;
	return 0;
}

/* ---- the whole file ----------------------------------------------------------------------- */

static int maps_add(struct maps *m, struct maps_row *row, const char *path, size_t path_len)
{
	if (m->cnt >= LIMIT_MAPS)
		return -E2BIG;
	if (m->cnt && row->start < m->v[m->cnt - 1].end)
		return -EBADMSG; /* P2 */
	if (m->cnt == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 64;
		struct maps_row *v = reallocarray(m->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		m->v = v;
		m->cap = cap;
	}
	/* The mappings of one file stand together: its path is kept once. */
	if (m->cnt && path_len && strlen(maps_path(m, &m->v[m->cnt - 1])) == path_len &&
	    memcmp(maps_path(m, &m->v[m->cnt - 1]), path, path_len) == 0) {
		row->path = m->v[m->cnt - 1].path;
	} else {
		row->path = (uint32_t)m->paths.len;
		buf_bytes(&m->paths, path, path_len);
		buf_u8(&m->paths, 0);
		if (m->paths.failed)
			return -ENOMEM;
	}
	m->v[m->cnt++] = *row;
	return 0;
}

static int maps_line(struct maps *m, const char *line, size_t len)
{
	const char *path = "";
	struct maps_row row = { 0 };
	size_t path_len = 0;
	int err = maps_parse_line(line, len, &row, &path, &path_len);

	if (err)
		return err;
	if (!row.ino && !(row.prot & MAPS_X))
		return 0; /* P1 */
	if (path_len > TARGET_PATH)
		path_len = TARGET_PATH;
	return maps_add(m, &row, path, path_len);
}

/* Splits what fd gives into lines; a line that does not fit loses its end, which is path. */
static int maps_lines(struct maps *m, int fd, char *text)
{
	bool cut = false;
	size_t len = 0;

	for (;;) {
		ssize_t n = read(fd, text + len, LINE_BYTES - len);
		char *p = text, *nl;
		int err;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		len += (size_t)n;
		while ((nl = memchr(p, '\n', len - (size_t)(p - text)))) {
			err = cut ? 0 : maps_line(m, p, (size_t)(nl - p));
			if (err)
				return err;
			cut = false;
			p = nl + 1;
		}
		len -= (size_t)(p - text);
		memmove(text, p, len);
		if (len < LINE_BYTES)
			continue;
		err = cut ? 0 : maps_line(m, text, len);
		if (err)
			return err;
		cut = true;
		len = 0;
	}
}

int maps_read(const struct target *t, struct maps *ret, struct diag *d)
{
	SCOPED_FD int fd = openat(t->proc_fd, "maps", O_RDONLY | O_CLOEXEC);
	SCOPED(maps_done) struct maps m = { 0 };
	SCOPED_FREE char *text = malloc(LINE_BYTES);
	int err;

	if (fd < 0)
		return diag_set(d, -errno, "pid %d: cannot read its memory map: %s", t->pid,
				strerror(errno));
	if (!text)
		return diag_set(d, -ENOMEM, "pid %d: no memory for its memory map", t->pid);
	err = maps_lines(&m, fd, text);
	if (err == -E2BIG)
		return diag_set(d, err, "pid %d: has more than %d file mappings", t->pid,
				LIMIT_MAPS);
	if (err == -EBADMSG)
		return diag_set(d, err, "pid %d: its memory map has a form we do not know", t->pid);
	if (err)
		return diag_set(d, err, "pid %d: cannot read its memory map: %s", t->pid,
				strerror(-err));
	if (m.cnt == 0)
		return diag_set(d, -ESRCH, "pid %d: has no program mapped any more", t->pid);
	*ret = m;
	memset(&m, 0, sizeof(m));
	return 0;
}

const struct maps_row *maps_at(const struct maps *m, uint64_t va)
{
	size_t lo = 0, hi = m->cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->v[mid].end <= va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->cnt && m->v[lo].start <= va ? &m->v[lo] : NULL;
}

/* ---- load bias ---------------------------------------------------------------------------- */

struct maps_seg {
	uint32_t flags;
	uint64_t off, va, filesz;
};

static int maps_segments(int exe_fd, struct maps_seg *v, size_t cap, size_t *ret_cnt)
{
	uint8_t head[64], raw[PHDR_BYTES];
	struct span s = span_of(head, sizeof(head));
	uint64_t phoff;
	size_t num, cnt = 0;

	if (pread(exe_fd, head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head, ELFMAG, SELFMAG) != 0 || head[EI_CLASS] != ELFCLASS64)
		return -EBADMSG;
	span_skip(&s, 32);
	phoff = span_u64(&s);
	span_skip(&s, 14);
	if (span_u16(&s) != PHDR_BYTES || phoff > INT64_MAX / 2)
		return -EBADMSG;
	num = num_min(span_u16(&s), LIMIT_PHDRS);
	for (size_t i = 0; i < num && cnt < cap; i++) {
		struct maps_seg *g = &v[cnt];

		if (pread(exe_fd, raw, sizeof(raw), (off_t)(phoff + i * PHDR_BYTES)) != sizeof(raw))
			return -EBADMSG;
		s = span_of(raw, sizeof(raw));
		if (span_u32(&s) != PT_LOAD)
			continue;
		g->flags = span_u32(&s);
		g->off = span_u64(&s);
		g->va = span_u64(&s);
		span_skip(&s, 8);
		g->filesz = span_u64(&s);
		cnt++;
	}
	*ret_cnt = cnt;
	return cnt ? 0 : -EBADMSG;
}

/*
 * The segment that the row maps: its file offset lies in the segment's bytes, begun at a page (the
 * kernel maps whole pages). Two segments may share a page of the file: then the access decides.
 */
static const struct maps_seg *maps_segment_of(const struct maps_row *row, const struct maps_seg *v,
					      size_t cnt)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const struct maps_seg *found = NULL;

	for (size_t i = 0; i < cnt; i++) {
		bool x = v[i].flags & PF_X;
		uint64_t end;

		if (num_add(v[i].off, v[i].filesz, &end) || row->off < v[i].off - v[i].off % page ||
		    row->off >= end)
			continue;
		if (!found || x == !!(row->prot & MAPS_X))
			found = &v[i];
	}
	return found;
}

static bool maps_is_exe(const struct maps_row *row, const struct target *t,
			const struct maps_row *home)
{
	if (!row->ino)
		return false;
	if (home)
		return row->ino == home->ino && row->dev == home->dev;
	return row->ino == t->ino && row->dev == t->dev;
}

int maps_exe_bias(const struct maps *m, const struct target *t, uint64_t *ret_bias, struct diag *d)
{
	struct maps_seg segs[LIMIT_PHDRS];
	const struct maps_row *home = maps_at(m, t->start_code);
	bool found = false;
	uint64_t bias = 0;
	size_t seg_cnt;
	int err = maps_segments(t->exe_fd, segs, ARRAY_LEN(segs), &seg_cnt);

	if (err)
		return diag_set(d, err, "%s: is not a 64-bit ELF program, or damaged", t->exe);
	for (size_t i = 0; i < m->cnt; i++) {
		const struct maps_row *row = &m->v[i];
		const struct maps_seg *g;

		if (!maps_is_exe(row, t, home) || !(row->prot & MAPS_X))
			continue;
		g = maps_segment_of(row, segs, seg_cnt);
		/*
		 * A program may map its own file again (to read itself): start_code's row is the
		 * one.
		 */
		if (!g || (found && row != home))
			continue;
		bias = row->start - (g->va + (row->off - g->off));
		found = true;
	}
	if (!found)
		return diag_set(d, -ENOENT, "pid %d: its executable %s is not mapped for execution",
				t->pid, t->exe);
	if (bias % PAGE_BYTES)
		return diag_set(d, -EBADMSG, "%s: its program headers do not fit how it is mapped",
				t->exe);
	*ret_bias = bias;
	return 0;
}
