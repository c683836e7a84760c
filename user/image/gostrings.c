#include "image/gostrings.h"

#include <errno.h>

#include "base/limits.h"
#include "base/num.h"
#include "image/reasons.h"

enum {
	HEADER_LEN = 16, /* a Go string: pointer, length */
	TEXT_MAX = 64,	 /* no reason is longer */
	MARKS = 3,	 /* texts that tell the table */
};

static const char *const marks[GOSTRINGS_TABLES][MARKS] = {
	[TABLE_WAIT_REASONS] = { "", "GC assist marking", "IO wait" },
	[TABLE_BLOCK_REASONS] = { "unspecified", "forever", "network" },
	[TABLE_STW_REASONS] = { "unknown", "GC mark termination", "GC sweep termination" },
};

/* The i-th string of the run that begins at p. */
static struct span text_at(const struct elfimg *e, const uint8_t *p, size_t i)
{
	uint64_t ptr, len;

	memcpy(&ptr, p + i * HEADER_LEN, 8);
	memcpy(&len, p + i * HEADER_LEN + 8, 8);
	if (!len)
		return span_of("", 0);
	return elfimg_span(e, ptr, len <= TEXT_MAX ? len : UINT64_MAX);
}

static bool is_table(const struct elfimg *e, const uint8_t *p, unsigned table)
{
	uint64_t len;

	/* Lengths first: nearly every place fails here, without a look elsewhere. */
	for (size_t i = 0; i < MARKS; i++) {
		memcpy(&len, p + i * HEADER_LEN + 8, 8);
		if (len != strlen(marks[table][i]))
			return false;
	}
	for (size_t i = 0; i < MARKS; i++) {
		struct span s = text_at(e, p, i);

		if (s.bad || memcmp(s.p, marks[table][i], s.left))
			return false;
	}
	return true;
}

/* Copies the texts as C strings. -ENOENT if one is no text: not our table after all. */
static int take(struct gostrings *s, const struct elfimg *e, const uint8_t *p, unsigned table,
		size_t cnt)
{
	const char **v = arena_alloc(&s->arena, cnt * sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++) {
		struct span text = text_at(e, p, i);
		char *c;

		if (text.bad)
			return -ENOENT;
		for (size_t k = 0; k < text.left; k++)
			if (text.p[k] < 0x20 || text.p[k] > 0x7e)
				return -ENOENT;
		c = arena_alloc(&s->arena, text.left + 1);
		if (!c)
			return -ENOMEM;
		memcpy(c, text.p, text.left);
		c[text.left] = 0;
		v[i] = c;
	}
	s->v[table] = v;
	s->cnt[table] = cnt;
	return 0;
}

static int table_find(struct gostrings *s, const struct elfimg *e, uint64_t va, uint64_t len,
		      unsigned table, size_t cnt)
{
	struct span data = elfimg_span(e, va, len);
	size_t need = cnt * HEADER_LEN;

	if (data.bad || !cnt || cnt > LIMIT_REASONS || cnt < MARKS)
		return 0;
	for (uint64_t off = -va & 7; off < data.left && data.left - off >= need; off += 8) {
		int err;

		if (!is_table(e, data.p + off, table))
			continue;
		err = take(s, e, data.p + off, table, cnt);
		if (err != -ENOENT)
			return err;
	}
	return 0;
}

int gostrings_init(struct gostrings *s, const struct gopclntab *t, const struct goversion *version,
		   struct diag *d)
{
	uint64_t left = 0, len;

	*s = (struct gostrings){ 0 };
	if (!elfimg_at(t->elf, t->data_va, &left) || t->edata_va <= t->data_va)
		return 0;
	len = num_min(t->edata_va - t->data_va, left);
	for (unsigned i = 0; i < GOSTRINGS_TABLES; i++)
		if (table_find(s, t->elf, t->data_va, len, i,
			       reasons_count((enum image_table)i, version->minor, version->patch)))
			return diag_set(d, -ENOMEM, "no memory for the runtime's texts");
	return 0;
}

void gostrings_done(struct gostrings *s)
{
	arena_done(&s->arena);
	*s = (struct gostrings){ 0 };
}

int gostrings_get(const struct gostrings *s, enum image_table table, const char *const **ret_v,
		  size_t *ret_cnt)
{
	if ((unsigned)table >= GOSTRINGS_TABLES || !s->v[table])
		return -ENOENT;
	*ret_v = s->v[table];
	*ret_cnt = s->cnt[table];
	return 0;
}
