#include "trace/gen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "trace/gentab.h"

static void gen_reset(struct gen *g, unsigned version)
{
	g->version = version;
	g->gen = 0;
	g->min_ts = 0;
	g->mul = 0;
	g->has_clock = false;
	g->batch_cnt = g->thread_cnt = g->sample_cnt = g->str_cnt = g->stack_cnt = 0;
	arena_reset(&g->arena);
	g->str_tab.dense = g->stack_tab.dense = NULL;
	g->str_tab.dense_len = g->stack_tab.dense_len = 0;
	idtab_reset(&g->str_tab.sparse);
	idtab_reset(&g->stack_tab.sparse);
	idtab_reset(&g->frames);
	idtab_reset(&g->thread_tab);
	g->empty = (struct gen_str){ .s = { .p = "" } };
	g->after = 0;
}

/* Threads are found by their index + 1, kept in the table's pointer. */
static int gen_add_to_thread(struct gen *g, uint64_t m, uint32_t batch)
{
	size_t i = (size_t)(uintptr_t)idtab_find(&g->thread_tab, m);
	struct gen_thread *t;

	if (!i) {
		if (gentab_room(&g->threads, g->thread_cnt, &g->thread_cap, sizeof(*g->threads)) <
			    0 ||
		    idtab_put(&g->thread_tab, m, (void *)(uintptr_t)(g->thread_cnt + 1)) < 0)
			return -ENOMEM;
		g->threads[g->thread_cnt++] =
			(struct gen_thread){ .m = m, .first = batch, .last = batch };
		return 0;
	}
	t = &g->threads[i - 1];
	g->batches[t->last - 1].next = batch;
	t->last = batch;
	return 0;
}

static int gen_add_batch(struct gen *g, const struct cursor_batch *b, size_t data_off)
{
	if (!g->min_ts || b->ts < g->min_ts)
		g->min_ts = b->ts;
	if (b->kind == BATCH_EXPERIMENT)
		return 0;
	if (gentab_room(&g->batches, g->batch_cnt, &g->batch_cap, sizeof(*g->batches)) < 0)
		return -ENOMEM;
	g->batches[g->batch_cnt++] = (struct gen_batch){ .b = *b, .off = data_off };
	return b->kind == BATCH_EVENTS ? gen_add_to_thread(g, b->m, (uint32_t)g->batch_cnt) : 0;
}

/*
 * What a batch's generation number means for the walk: 0 it belongs to g; 1 g ends before it;
 * or -EBADMSG.
 */
static int gen_place(struct gen *g, const struct cursor_batch *b, uint64_t off, struct diag *d)
{
	if (b->kind == BATCH_END && g->version < 26)
		return diag_set_at(
			d, off, -EBADMSG,
			"an end-of-generation mark in a file of format 1.%u, which has none",
			g->version);
	if (!b->gen)
		return diag_set_at(d, off, -EBADMSG,
				   "a batch of generation 0, which does not exist");
	if (!g->gen)
		g->gen = b->gen;
	if (b->gen == g->gen)
		return 0;
	if (g->version >= 26)
		return diag_set_at(
			d, off, -EBADMSG,
			"a batch of generation %llu before the end mark of generation %llu",
			(unsigned long long)b->gen, (unsigned long long)g->gen);
	if (b->gen == g->gen + 1)
		return 1;
	return diag_set_at(d, off, -EBADMSG,
			   "generations out of order: a batch of %llu within %llu",
			   (unsigned long long)b->gen, (unsigned long long)g->gen);
}

/* The stream has no whole batch here, or none at all. */
static int gen_stop(struct gen *g, struct source *s, size_t pos, bool first, int err,
		    struct diag *d)
{
	if (s->err)
		err = diag_set_at(d, s->base + s->len, s->err, "cannot read on: %s", source_why(s));
	if (!pos && !err && !(first && g->version < 26))
		return 0;
	if (g->version >= 26) {
		if (!err)
			err = diag_set_at(d, s->base + s->len, -EBADMSG,
					  "truncated: the file ends within a generation");
		return err;
	}
	if (!pos)
		return err ? err
			   : diag_set_at(d, s->base, -EBADMSG,
					 "truncated: the file ends behind its header");
	g->after = err;
	if (err && d)
		g->after_diag = *d;
	return 1;
}

/* Finds the batches of the next generation and takes their bytes. 1, 0 or -errno. */
static int gen_frame(struct gen *g, struct source *s, bool first, struct diag *d)
{
	size_t pos = 0;

	for (;;) {
		struct cursor_batch b = { 0 };
		struct span at;
		size_t have = source_need(s, pos + CURSOR_BATCH_MAX);
		int err = 0, rc;

		if (have > pos) {
			at = span_of(s->p + pos, have - pos);
			err = cursor_batch(&at, s->base + pos, g->version, &b, d);
		}
		if (have == pos || err < 0) {
			rc = gen_stop(g, s, pos, first, err, d);
			if (rc <= 0)
				return rc;
			break;
		}
		if (b.kind == BATCH_END && g->version >= 26 && pos) {
			pos += b.head_len + b.len;
			break;
		}
		rc = gen_place(g, &b, s->base + pos, d);
		if (rc < 0)
			return rc;
		if (rc)
			break;
		if (gen_add_batch(g, &b, pos + b.head_len) < 0)
			return diag_set(d, -ENOMEM, "no memory");
		pos += b.head_len + b.len;
		if (pos > LIMIT_GEN_BYTES)
			return diag_set_at(d, s->base + pos, -E2BIG,
					   "generation %llu is larger than %d MB",
					   (unsigned long long)g->gen, LIMIT_GEN_BYTES >> 20);
	}
	g->base = s->base;
	g->len = pos;
	if (source_take(s, pos, &g->own, &g->bytes) < 0)
		return diag_set(d, -ENOMEM, "no memory");
	return 1;
}

int gen_load(struct gen *g, struct source *s, unsigned version, bool first, struct diag *d)
{
	struct diag scratch;
	int rc;

	if (!d)
		d = &scratch;
	gen_reset(g, version);
	rc = gen_frame(g, s, first, d);
	if (rc <= 0)
		return rc;
	rc = gentab_fill(g, d);
	if (rc < 0 && g->after && rc == -EBADMSG) {
		/* Tables that are missing behind the damage are not what is wrong. */
		*d = g->after_diag;
		return g->after;
	}
	return rc < 0 ? rc : 1;
}

void gen_done(struct gen *g)
{
	buf_done(&g->own);
	free(g->batches);
	free(g->threads);
	free(g->samples);
	free(g->strs);
	free(g->stacks);
	arena_done(&g->arena);
	idtab_done(&g->str_tab.sparse);
	idtab_done(&g->stack_tab.sparse);
	idtab_done(&g->frames);
	idtab_done(&g->thread_tab);
	*g = (struct gen){ 0 };
}
