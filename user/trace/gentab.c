#include "trace/gentab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"

int gentab_room(void *p, size_t cnt, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 64;
	void *n, *old;

	if (cnt < *cap)
		return 0;
	memcpy(&old, p, sizeof(old));
	n = reallocarray(old, want, size);
	if (!n)
		return -ENOMEM;
	memcpy(p, &n, sizeof(n));
	*cap = want;
	return 0;
}

/* A span over a batch's data whose off is the file's. */
static struct span batch_span(const struct gen *g, const struct gen_batch *b)
{
	struct span s = span_of(g->bytes + b->off, b->b.len);

	s.off = (size_t)(g->base + b->off);
	return s;
}

static int bad_at(struct diag *d, const struct span *s, const char *what)
{
	return diag_set_at(d, s->off, -EBADMSG, "%s", what);
}

static int no_mem(struct diag *d)
{
	return diag_set(d, -ENOMEM, "no memory");
}

static uint64_t hash_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = 0x9e3779b97f4a7c15ULL ^ n, v;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&v, p, 8);
		h = (h ^ v) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	v = 0;
	memcpy(&v, p, n);
	return num_mix(h ^ v);
}

/* --- strings: 04 { 05 id len bytes } ---------------------------------------------------------- */

static int strings_batch(struct gen *g, const struct gen_batch *b, struct diag *d)
{
	struct span s = batch_span(g, b);
	/* Each string's zero fits where its header was. */
	char *out = arena_alloc(&g->arena, b->b.len);

	if (!out)
		return no_mem(d);
	span_u8(&s);
	while (s.left) {
		struct gen_str *e;
		size_t off = s.off;
		uint8_t type = span_u8(&s);
		uint64_t id = span_uvarint(&s), len = span_uvarint(&s);
		const uint8_t *p;

		if (!s.bad && type != EV_STRING)
			return diag_set_at(d, off, -EBADMSG,
					   "a string must begin here, not a byte %u", type);
		if (len > LIMIT_STRING)
			return diag_set_at(d, off, -EBADMSG,
					   "a string of %llu bytes; at most %d are lawful",
					   (unsigned long long)len, LIMIT_STRING);
		p = span_take(&s, len);
		if (s.bad)
			return bad_at(d, &s, "a string is cut off by the end of its batch");
		if (gentab_room(&g->strs, g->str_cnt, &g->str_cap, sizeof(*g->strs)) < 0)
			return no_mem(d);
		memcpy(out, p, len);
		out[len] = 0;
		e = &g->strs[g->str_cnt++];
		*e = (struct gen_str){ .s = { .p = out, .len = (size_t)len },
				       .id = id,
				       .off = off,
				       .hash = hash_bytes(p, (size_t)len) };
		out += len + 1;
	}
	return 0;
}

/* --- stacks: 02 { 03 id n (pc func file line)*n } --------------------------------------------- */

static int str_of(const struct gen *g, uint64_t id, struct gotrace_str *ret, uint64_t *hash)
{
	const struct gen_str *e = gen_str_get(g, id);

	if (!e)
		return -EBADMSG;
	*ret = e->s;
	*hash = e->hash;
	return 0;
}

/* A frame with its hash in front of what the public sees. */
struct frame {
	uint64_t hash;
	struct gotrace_frame f;
};

/* The frame of this pc: the first one seen in a generation wins. NULL and *ret_err. */
static struct frame *frame_get(struct gen *g, const uint64_t v[4], int *ret_err)
{
	struct frame *f = idtab_find(&g->frames, v[0]);
	uint64_t func = 0, file = 0;

	if (f)
		return f;
	*ret_err = -ENOMEM;
	f = arena_alloc(&g->arena, sizeof(*f));
	if (!f)
		return NULL;
	f->f.pc = v[0];
	f->f.line = v[3];
	if (str_of(g, v[1], &f->f.func, &func) < 0 || str_of(g, v[2], &f->f.file, &file) < 0) {
		*ret_err = -EBADMSG;
		return NULL;
	}
	f->hash = num_mix(num_mix(func + 1) + file * 3 + v[3]);
	return idtab_put(&g->frames, v[0], f) < 0 ? NULL : f;
}

static int stack_frames(struct gen *g, struct span *s, struct gotrace_stack *st, struct diag *d)
{
	const struct gotrace_frame **frames = arena_alloc(&g->arena, st->cnt * sizeof(*frames));

	if (!frames)
		return no_mem(d);
	st->frames = frames;
	st->hash = st->cnt;
	for (uint32_t i = 0; i < st->cnt; i++) {
		uint64_t v[4];
		struct frame *f;
		int err = 0;

		for (unsigned k = 0; k < 4; k++)
			v[k] = span_uvarint(s);
		if (s->bad)
			return bad_at(d, s, "a stack is cut off by the end of its batch");
		f = frame_get(g, v, &err);
		if (!f && err == -ENOMEM)
			return no_mem(d);
		if (!f)
			return diag_set_at(
				d, s->off, -EBADMSG,
				"stack %llu names string %llu or %llu, which this generation lacks",
				(unsigned long long)st->id, (unsigned long long)v[1],
				(unsigned long long)v[2]);
		frames[i] = &f->f;
		st->hash = num_mix(st->hash * 31 + f->hash);
	}
	return 0;
}

static int stacks_batch(struct gen *g, const struct gen_batch *b, struct diag *d)
{
	struct span s = batch_span(g, b);

	span_u8(&s);
	while (s.left) {
		struct gotrace_stack *st;
		size_t off = s.off;
		uint8_t type = span_u8(&s);
		uint64_t id = span_uvarint(&s), cnt = span_uvarint(&s);
		int err;

		if (s.bad)
			return bad_at(d, &s, "a stack is cut off by the end of its batch");
		if (type != EV_STACK)
			return diag_set_at(d, off, -EBADMSG,
					   "a stack must begin here, not a byte %u", type);
		if (cnt > LIMIT_FRAMES)
			return diag_set_at(d, off, -EBADMSG,
					   "a stack of %llu frames; at most %d are lawful",
					   (unsigned long long)cnt, LIMIT_FRAMES);
		/* A frame is four numbers of a byte or more. */
		if (cnt > s.left / 4)
			return bad_at(d, &s, "a stack is cut off by the end of its batch");
		st = arena_alloc(&g->arena, sizeof(*st));
		if (!st ||
		    gentab_room(&g->stacks, g->stack_cnt, &g->stack_cap, sizeof(*g->stacks)) < 0)
			return no_mem(d);
		*st = (struct gotrace_stack){ .id = id, .cnt = (uint32_t)cnt };
		err = stack_frames(g, &s, st, d);
		if (err < 0)
			return err;
		g->stacks[g->stack_cnt++] = st;
	}
	return 0;
}

/* --- tables from id to entry ------------------------------------------------------------------ */

static int table_size(struct gen *g, struct gen_table *t, uint64_t max_id, size_t cnt)
{
	t->dense_len = 0;
	t->dense = NULL;
	if (!cnt || max_id > (uint64_t)cnt * 4 + 64)
		return 0;
	t->dense = arena_alloc(&g->arena, (max_id + 1) * sizeof(*t->dense));
	if (!t->dense)
		return -ENOMEM;
	t->dense_len = max_id + 1;
	memset(t->dense, 0, t->dense_len * sizeof(*t->dense));
	return 0;
}

/* 0, -EEXIST or -ENOMEM. */
static int table_put(struct gen_table *t, uint64_t id, void *p)
{
	if (gen_table_get(t, id))
		return -EEXIST;
	if (id >= t->dense_len)
		return idtab_put(&t->sparse, id, p);
	t->dense[id] = p;
	return 0;
}

static int twice(struct diag *d, int err, const char *what, uint64_t id, uint64_t off)
{
	if (err != -EEXIST)
		return no_mem(d);
	return diag_set_at(d, off, -EBADMSG, "%s %llu %s", what, (unsigned long long)id,
			   id ? "is there twice in this generation" : "is reserved");
}

static int index_strings(struct gen *g, struct diag *d)
{
	uint64_t max_id = 0;

	for (size_t i = 0; i < g->str_cnt; i++)
		max_id = num_max(max_id, g->strs[i].id);
	if (table_size(g, &g->str_tab, max_id, g->str_cnt) < 0 ||
	    table_put(&g->str_tab, 0, &g->empty) < 0)
		return no_mem(d);
	for (size_t i = 0; i < g->str_cnt; i++) {
		int err = table_put(&g->str_tab, g->strs[i].id, &g->strs[i]);

		if (err < 0)
			return twice(d, err, "string", g->strs[i].id, g->strs[i].off);
	}
	return 0;
}

static int index_stacks(struct gen *g, struct diag *d)
{
	uint64_t max_id = 0;

	for (size_t i = 0; i < g->stack_cnt; i++)
		max_id = num_max(max_id, g->stacks[i]->id);
	if (table_size(g, &g->stack_tab, max_id, g->stack_cnt) < 0)
		return no_mem(d);
	for (size_t i = 0; i < g->stack_cnt; i++) {
		uint64_t id = g->stacks[i]->id;
		int err = id ? table_put(&g->stack_tab, id, g->stacks[i]) : -EEXIST;

		if (err < 0)
			return twice(d, err, "stack", id, g->base);
	}
	return 0;
}

/* --- CPU samples: 06 { 07 ts M P G stack } ---------------------------------------------------- */

static int samples_batch(struct gen *g, const struct gen_batch *b, struct diag *d)
{
	struct span s = batch_span(g, b);

	span_u8(&s);
	while (s.left) {
		struct gen_sample e = { .off = s.off };
		uint8_t type = span_u8(&s);

		e.ticks = span_uvarint(&s);
		e.m = (int64_t)span_uvarint(&s);
		e.p = (int64_t)span_uvarint(&s);
		e.g = (int64_t)span_uvarint(&s);
		e.stack = span_uvarint(&s);
		if (s.bad)
			return bad_at(d, &s, "a CPU sample is cut off by the end of its batch");
		if (type != EV_CPU_SAMPLE)
			return diag_set_at(d, e.off, -EBADMSG,
					   "a CPU sample must begin here, not a byte %u", type);
		if (!e.g)
			e.g = GOTRACE_NO_GOROUTINE;
		if (gentab_room(&g->samples, g->sample_cnt, &g->sample_cap, sizeof(*g->samples)) <
		    0)
			return no_mem(d);
		g->samples[g->sample_cnt++] = e;
	}
	return 0;
}

static int sample_cmp(const void *a, const void *b)
{
	const struct gen_sample *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return (x->off > y->off) - (x->off < y->off);
}

/* --- clocks: before 25 { 08 freq }; from 25 on 50 { 08 freq | 51 dt mono sec nsec } ----------- */

struct sync_state {
	bool has_freq, has_clock;
	uint64_t freq, clock_ticks;
};

static int sync_event(struct gen *g, struct sync_state *st, struct span *s, uint64_t *ts,
		      struct diag *d)
{
	size_t off = s->off;
	uint8_t type = span_u8(s);

	if (type == EV_FREQUENCY) {
		if (st->has_freq)
			return diag_set_at(d, off, -EBADMSG,
					   "a second frequency in one generation");
		st->has_freq = true;
		st->freq = span_uvarint(s);
		if (!s->bad && !st->freq)
			return diag_set_at(d, off, -EBADMSG, "a frequency of 0");
		return 0;
	}
	if (type != EV_CLOCK_SNAPSHOT || g->version < 25)
		return diag_set_at(d, off, -EBADMSG,
				   "a frequency or a clock must begin here, not a byte %u", type);
	if (st->has_clock)
		return diag_set_at(d, off, -EBADMSG, "a second clock snapshot in one generation");
	st->has_clock = true;
	*ts += span_uvarint(s);
	st->clock_ticks = *ts;
	g->clock.mono_ns = span_uvarint(s);
	g->clock.wall_sec = (int64_t)span_uvarint(s);
	g->clock.wall_nsec = (int64_t)span_uvarint(s);
	return 0;
}

static int sync_batch(struct gen *g, struct sync_state *st, const struct gen_batch *b,
		      struct diag *d)
{
	struct span s = batch_span(g, b);
	uint64_t ts = b->b.ts;

	if (g->version >= 25)
		span_u8(&s);
	while (s.left) {
		int err = sync_event(g, st, &s, &ts, d);

		if (err < 0)
			return err;
	}
	return s.bad ? bad_at(d, &s, "a clock is cut off by the end of its batch") : 0;
}

static int fill_kind(struct gen *g, enum cursor_kind kind, struct sync_state *st, struct diag *d)
{
	for (size_t i = 0; i < g->batch_cnt; i++) {
		const struct gen_batch *b = &g->batches[i];
		int err = 0;

		if (b->b.kind != kind)
			continue;
		if (kind == BATCH_STRINGS)
			err = strings_batch(g, b, d);
		else if (kind == BATCH_STACKS)
			err = stacks_batch(g, b, d);
		else if (kind == BATCH_SAMPLES)
			err = samples_batch(g, b, d);
		else
			err = sync_batch(g, st, b, d);
		if (err < 0)
			return err;
	}
	return 0;
}

/* In the order in which they need each other: stacks name strings, samples need the frequency. */
int gentab_fill(struct gen *g, struct diag *d)
{
	struct sync_state st = { 0 };
	int err = fill_kind(g, BATCH_STRINGS, &st, d);

	if (!err)
		err = index_strings(g, d);
	if (!err)
		err = fill_kind(g, BATCH_STACKS, &st, d);
	if (!err)
		err = index_stacks(g, d);
	if (!err)
		err = fill_kind(g, BATCH_SAMPLES, &st, d);
	if (!err)
		err = fill_kind(g, BATCH_SYNC, &st, d);
	if (err < 0)
		return err;
	if (!st.has_freq)
		return diag_set_at(d, g->base, -EBADMSG, "generation %llu has no frequency",
				   (unsigned long long)g->gen);
	if (g->version >= 25 && !st.has_clock)
		return diag_set_at(d, g->base, -EBADMSG, "generation %llu has no clock snapshot",
				   (unsigned long long)g->gen);
	g->mul = 1.0 / ((double)st.freq / 1e9);
	g->has_clock = st.has_clock;
	g->clock.trace_ns = cursor_ns(g->mul, st.clock_ticks);
	for (size_t i = 0; i < g->sample_cnt; i++)
		g->samples[i].time_ns = cursor_ns(g->mul, g->samples[i].ticks);
	if (g->sample_cnt)
		qsort(g->samples, g->sample_cnt, sizeof(*g->samples), sample_cmp);
	return 0;
}
