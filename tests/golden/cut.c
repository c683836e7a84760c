/*
 * cut.c - a small capture out of a large one: the snapshot, and then so many records.
 *
 *	cut IN OUT RECORDS
 *
 * Only the symbols that the records left over need are kept. tools/golden.sh makes the captures of
 * tests/golden/captures with it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "capture/rawfile.h"
#include "model/symbols.h"

/* The whole capture's symbols answer for the small one's. */
static size_t all_frames(void *ctx, uint64_t pc, struct symbol *ret, size_t cap)
{
	const struct symbol *f;
	size_t n = symbols_get(ctx, pc, &f);

	n = n < cap ? n : cap;
	memcpy(ret, f, n * sizeof(*f));
	return n;
}

static uint64_t all_start(void *ctx, uint64_t pc)
{
	return symbols_start_pc(ctx, pc);
}

/* Both readings of a pc: a return address, an entry. */
static void keep_pcs(struct symbols *s, const struct rec *r)
{
	const struct symbol *f;

	for (unsigned i = 0; i < r->npc && r->hook != HOOK_HEAP && r->hook != HOOK_SNAP_GC; i++)
		(void)symbols_get(s, r->pcs[i] - (i == 0 && (r->flags & REC_F_SCHED_PC) ? 0 : 1), &f);
	if (r->hook == HOOK_CREATE || r->hook == HOOK_SNAP_G)
		(void)symbols_get(s, symbols_start_pc(s, r->x), &f);
}

static int cut(struct rawfile *in, struct rawfile_writer *out, struct symbols *all, size_t cnt)
{
	struct symbols_source source = { .frames = all_frames, .start_pc = all_start, .ctx = all };
	struct symbols *few = symbols_new(&source, true);
	struct buf b = { 0 };
	const struct rec *r;
	const struct symbol *f;
	bool snapped = false;
	int err = few ? 0 : -1;

	if (!err && rawfile_meta(in)->unblock_pc)
		(void)symbols_get(few, rawfile_meta(in)->unblock_pc, &f);
	while (!err && (r = rawfile_next(in))) {
		if (snapped && !cnt)
			break;
		if (snapped)
			cnt--;
		snapped = snapped || r->hook == HOOK_SNAP_END;
		keep_pcs(few, r);
		err = rawfile_record(out, r);
	}
	if (!err)
		symbols_save(few, &b);
	if (!err)
		err = rawfile_finish(out, b.p, b.len);
	buf_done(&b);
	symbols_free(few);
	return err;
}

static void *read_all(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	void *p = NULL;
	long len;

	if (f && fseek(f, 0, SEEK_END) == 0 && (len = ftell(f)) > 0 && fseek(f, 0, SEEK_SET) == 0) {
		p = malloc((size_t)len);
		*ret_len = (size_t)len;
		if (p && fread(p, 1, (size_t)len, f) != (size_t)len)
			p = NULL;
	}
	if (f)
		fclose(f);
	return p;
}

int main(int argc, char **argv)
{
	struct symbols *all = symbols_new(NULL, true);
	struct rawfile_writer *w = NULL;
	struct rawfile *in = NULL;
	struct diag d = { 0 };
	struct span syms;
	size_t len = 0;
	void *p;
	int fd, err;

	if (argc != 4) {
		fprintf(stderr, "usage: %s IN OUT RECORDS\n", argv[0]);
		return 2;
	}
	p = read_all(argv[1], &len);
	err = p && all ? rawfile_open(p, len, &in, &d) : -1;
	if (!err) {
		syms = rawfile_symbols(in);
		err = symbols_load(all, &syms, &d);
	}
	fd = err ? -1 : open(argv[2], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0 || rawfile_create(fd, rawfile_meta(in), &w) < 0 ||
	    cut(in, w, all, strtoul(argv[3], NULL, 10)) < 0) {
		fprintf(stderr, "%s: cannot cut %s: %s\n", argv[0], argv[1], d.text);
		return 1;
	}
	close(fd);
	return 0;
}
