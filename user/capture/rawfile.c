#include "capture/rawfile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "capture/rec.h"

enum section { SECTION_META = 1, SECTION_RECORDS, SECTION_SYMBOLS, SECTION_END };

enum { RAW_VERSION = 1, RUN_BYTES = 1024 * 1024, HEAD_LEN = 16, SECTION_LEN = 16 };

static const char magic[8] = "GOTRACE";

int raw_texts_copy(struct raw_texts *t, const char *const *v, size_t cnt)
{
	t->v = calloc(cnt ? cnt : 1, sizeof(*t->v));
	if (!t->v)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++) {
		t->v[i] = strdup(v[i]);
		if (!t->v[i])
			return -ENOMEM;
		t->cnt++;
	}
	return 0;
}

static void raw_texts_done(struct raw_texts *t)
{
	for (size_t i = 0; i < t->cnt; i++)
		free(t->v[i]);
	free(t->v);
	*t = (struct raw_texts){ 0 };
}

void raw_meta_done(struct raw_meta *m)
{
	raw_texts_done(&m->wait_reasons);
	raw_texts_done(&m->block_reasons);
	raw_texts_done(&m->stw_reasons);
}

/* ---- writing ---- */

struct rawfile_writer {
	int fd, err;
	struct buf run;
};

static void put_bytes(struct rawfile_writer *w, const void *p, size_t len)
{
	const uint8_t *b = p;

	while (len && !w->err) {
		ssize_t n = write(w->fd, b, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			w->err = -errno;
			return;
		}
		b += n;
		len -= (size_t)n;
	}
}

static void put_section(struct rawfile_writer *w, uint32_t kind, const void *p, uint64_t len)
{
	static const uint8_t zero[8];
	uint32_t head[2] = { kind, 0 };

	put_bytes(w, head, sizeof(head));
	put_bytes(w, &len, sizeof(len));
	put_bytes(w, p, len);
	put_bytes(w, zero, (8 - (len & 7)) & 7);
}

static void put_text(struct buf *b, const char *text)
{
	size_t len = strlen(text);

	buf_uvarint(b, len);
	buf_bytes(b, text, len);
}

static void put_texts(struct buf *b, const struct raw_texts *t)
{
	buf_uvarint(b, t->cnt);
	for (size_t i = 0; i < t->cnt; i++)
		put_text(b, t->v[i]);
}

int rawfile_create(int fd, const struct raw_meta *meta, struct rawfile_writer **ret)
{
	struct rawfile_writer *w = calloc(1, sizeof(*w));
	uint32_t head[2] = { RAW_VERSION, REC_ABI };
	struct buf b = { 0 };

	if (!w)
		return -ENOMEM;
	w->fd = fd;
	put_bytes(w, magic, sizeof(magic));
	put_bytes(w, head, sizeof(head));
	buf_uvarint(&b, meta->go_minor);
	buf_uvarint(&b, meta->format);
	buf_uvarint(&b, meta->goal_word);
	buf_uvarint(&b, meta->gen_ns);
	buf_uvarint(&b, meta->gen_bytes);
	buf_uvarint(&b, meta->unblock_pc);
	put_text(&b, meta->version);
	put_text(&b, meta->name);
	put_texts(&b, &meta->wait_reasons);
	put_texts(&b, &meta->block_reasons);
	put_texts(&b, &meta->stw_reasons);
	if (b.failed)
		w->err = -ENOMEM;
	put_section(w, SECTION_META, b.p, b.len);
	buf_done(&b);
	if (w->err) {
		int err = w->err;

		rawfile_free(w);
		return err;
	}
	*ret = w;
	return 0;
}

static void put_run(struct rawfile_writer *w)
{
	if (w->run.failed)
		w->err = -ENOMEM;
	if (w->run.len)
		put_section(w, SECTION_RECORDS, w->run.p, w->run.len);
	buf_reset(&w->run);
}

int rawfile_record(struct rawfile_writer *w, const struct rec *r)
{
	buf_bytes(&w->run, r, r->len);
	if (w->run.len >= RUN_BYTES || w->run.failed)
		put_run(w);
	return w->err;
}

int rawfile_finish(struct rawfile_writer *w, const void *symbols, size_t len)
{
	put_run(w);
	put_section(w, SECTION_SYMBOLS, symbols, len);
	put_section(w, SECTION_END, NULL, 0);
	return w->err;
}

void rawfile_free(struct rawfile_writer *w)
{
	if (!w)
		return;
	buf_done(&w->run);
	free(w);
}

/* ---- reading ---- */

struct rawfile {
	const uint8_t *p;
	size_t len, off; /* off: of the next section */
	struct raw_meta meta;
	struct span symbols, run;
	bool whole;
};

static int get_text(struct span *s, char *ret, size_t cap)
{
	uint64_t len = span_uvarint(s);
	const uint8_t *p = span_take(s, len);

	if (!p || len >= cap)
		return -EBADMSG;
	memcpy(ret, p, len);
	ret[len] = '\0';
	return 0;
}

static int get_texts(struct span *s, struct raw_texts *t)
{
	uint64_t cnt = span_uvarint(s);

	if (s->bad || cnt > LIMIT_REASONS)
		return -EBADMSG;
	t->v = calloc(cnt ? cnt : 1, sizeof(*t->v));
	if (!t->v)
		return -ENOMEM;
	for (uint64_t i = 0; i < cnt; i++) {
		char text[256];

		if (get_text(s, text, sizeof(text)) < 0)
			return -EBADMSG;
		t->v[i] = strdup(text);
		if (!t->v[i])
			return -ENOMEM;
		t->cnt++;
	}
	return 0;
}

static int get_meta(struct rawfile *f, struct span s, struct diag *d)
{
	struct raw_meta *m = &f->meta;
	int err;

	m->go_minor = (uint32_t)span_uvarint(&s);
	m->format = (uint32_t)span_uvarint(&s);
	m->goal_word = (uint32_t)span_uvarint(&s);
	m->gen_ns = span_uvarint(&s);
	m->gen_bytes = span_uvarint(&s);
	m->unblock_pc = span_uvarint(&s);
	err = get_text(&s, m->version, sizeof(m->version));
	if (!err)
		err = get_text(&s, m->name, sizeof(m->name));
	if (!err)
		err = get_texts(&s, &m->wait_reasons);
	if (!err)
		err = get_texts(&s, &m->block_reasons);
	if (!err)
		err = get_texts(&s, &m->stw_reasons);
	if (err)
		return diag_set_at(d, s.off, err, "capture: the description is damaged");
	return 0;
}

/* The section at off; *ret_next is behind it. False at the end or where the file was cut. */
static bool get_section(const struct rawfile *f, size_t off, uint32_t *ret_kind,
			struct span *ret_body, size_t *ret_next)
{
	struct span s = { .p = f->p + off, .left = f->len - off, .off = off };
	uint32_t kind = span_u32(&s);
	uint64_t len;

	(void)span_u32(&s);
	len = span_u64(&s);
	if (s.bad || len > s.left)
		return false;
	*ret_kind = kind;
	*ret_body = (struct span){ .p = s.p, .left = len, .off = s.off };
	*ret_next = off + SECTION_LEN + ((len + 7) & ~(uint64_t)7);
	if (*ret_next > f->len)
		*ret_next = f->len;
	return true;
}

static int check_run(struct span s, struct diag *d)
{
	while (s.left) {
		const struct rec *r = (const struct rec *)s.p;

		if (!rec_sane(r, s.left))
			return diag_set_at(d, s.off, -EBADMSG, "capture: a record is damaged");
		span_skip(&s, r->len);
	}
	return 0;
}

static int rawfile_check(struct rawfile *f, struct diag *d)
{
	struct span body;
	uint32_t kind;
	size_t off = HEAD_LEN, next;
	bool have_meta = false;
	int err;

	while (!f->whole && get_section(f, off, &kind, &body, &next)) {
		switch (kind) {
		case SECTION_META:
			if (have_meta)
				return diag_set_at(d, off, -EBADMSG,
						   "capture: described twice");
			err = get_meta(f, body, d);
			if (err < 0)
				return err;
			have_meta = true;
			break;
		case SECTION_RECORDS:
			err = check_run(body, d);
			if (err < 0)
				return err;
			break;
		case SECTION_SYMBOLS:
			f->symbols = body;
			break;
		case SECTION_END:
			f->whole = true;
			break;
		default:
			return diag_set_at(d, off, -EBADMSG, "capture: section of kind %u", kind);
		}
		off = next;
	}
	if (!have_meta)
		return diag_set_at(d, off, -EBADMSG, "capture: it has no description");
	f->off = HEAD_LEN;
	return 0;
}

int rawfile_open(const void *p, size_t len, struct rawfile **ret, struct diag *d)
{
	struct span s = span_of(p, len);
	const uint8_t *m = span_take(&s, sizeof(magic));
	uint32_t version, abi;
	struct rawfile *f;
	int err;

	if (!m || memcmp(m, magic, sizeof(magic)) != 0)
		return diag_set_at(d, 0, -EBADMSG,
				   "not a capture file (made with --capture); a trace is read with "
				   "'go tool trace' or 'gotrace-bpf validate'");
	version = span_u32(&s);
	abi = span_u32(&s);
	if (s.bad)
		return diag_set_at(d, s.off, -EBADMSG, "capture: it ends in its header");
	if (version != RAW_VERSION || abi != REC_ABI)
		return diag_set(d, -ENOTSUP,
				"capture of version %u.%u, this program reads %d.%d; use the "
				"program that made it",
				version, abi, RAW_VERSION, REC_ABI);
	f = calloc(1, sizeof(*f));
	if (!f)
		return diag_set(d, -ENOMEM, "no memory");
	f->p = p;
	f->len = len;
	f->symbols = span_of(NULL, 0);
	f->run = span_of(NULL, 0);
	err = rawfile_check(f, d);
	if (err < 0) {
		rawfile_close(f);
		return err;
	}
	*ret = f;
	return 0;
}

void rawfile_close(struct rawfile *f)
{
	if (!f)
		return;
	raw_meta_done(&f->meta);
	free(f);
}

const struct raw_meta *rawfile_meta(const struct rawfile *f)
{
	return &f->meta;
}

struct span rawfile_symbols(const struct rawfile *f)
{
	return f->symbols;
}

bool rawfile_whole(const struct rawfile *f)
{
	return f->whole;
}

const struct rec *rawfile_next(struct rawfile *f)
{
	const struct rec *r;

	while (f->run.left == 0) {
		uint32_t kind;
		struct span body;

		if (!get_section(f, f->off, &kind, &body, &f->off) || kind == SECTION_END)
			return NULL;
		if (kind == SECTION_RECORDS)
			f->run = body;
	}
	r = (const struct rec *)f->run.p;
	span_skip(&f->run, r->len);
	return r;
}
