#include "trace/frontier.h"

#include <errno.h>
#include <stdlib.h>

static void cur_on_batch(struct frontier_cur *c, const struct gen *g, uint32_t batch)
{
	const struct gen_batch *b = &g->batches[batch - 1];

	c->batch = batch;
	c->off0 = g->base + b->off;
	cursor_begin(&c->c, g->bytes + b->off, b->b.len, b->b.ts, g->mul);
}

int frontier_decode(struct frontier_cur *c, const struct gen *g, const char **ret_why)
{
	for (;;) {
		int rc = cursor_fill(&c->c, ret_why);
		uint32_t next = g->batches[c->batch - 1].next;

		if (rc)
			return rc;
		if (!next)
			return 0;
		cur_on_batch(c, g, next);
	}
}

static size_t sift_up(struct frontier_ent *h, size_t i)
{
	while (i > 0 && h[(i - 1) / 2].time_ns > h[i].time_ns) {
		struct frontier_ent t = h[i];

		h[i] = h[(i - 1) / 2];
		h[(i - 1) / 2] = t;
		i = (i - 1) / 2;
	}
	return i;
}

/* Which child is the lesser is not foreseen: no branch for it. The left one of equals (F3). */
static inline void sift_down(struct frontier_ent *h, size_t cnt, size_t i)
{
	const struct frontier_ent e = h[i];

	for (size_t m = 2 * i + 1; m < cnt; m = 2 * i + 1) {
		m += h[m + 1].time_ns < h[m].time_ns; /* F2 */
		if (h[m].time_ns >= e.time_ns)
			break;
		h[i] = h[m];
		i = m;
	}
	h[i] = e;
}

void frontier_sink(struct frontier *f)
{
	sift_down(f->heap, f->cnt, 0);
}

static void fence(struct frontier *f)
{
	f->heap[f->cnt].time_ns = f->heap[f->cnt + 1].time_ns = INT64_MAX; /* F2 */
}

/* The path from i to the root moves down by one, the last one takes the root. */
void frontier_remove(struct frontier *f, size_t i)
{
	struct frontier_ent *h = f->heap;

	for (; i > 0; i = (i - 1) / 2)
		h[i] = h[(i - 1) / 2];
	h[0] = h[--f->cnt];
	fence(f);
	if (f->cnt)
		sift_down(h, f->cnt, 0);
}

void frontier_sift(struct frontier *f, size_t i)
{
	if (sift_up(f->heap, i) == i)
		sift_down(f->heap, f->cnt, i);
}

static int frontier_room(struct frontier *f, size_t n)
{
	struct frontier_cur *curs;
	struct frontier_ent *heap;

	if (n <= f->cap && f->heap)
		return 0;
	curs = reallocarray(f->curs, n, sizeof(*curs));
	if (!curs)
		return -ENOMEM;
	f->curs = curs;
	heap = reallocarray(f->heap, n + 2, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	f->heap = heap;
	f->cap = n;
	return 0;
}

int frontier_fill(struct frontier *f, const struct gen *g, const char **ret_why, uint64_t *ret_off)
{
	f->cnt = 0;
	*ret_why = "no memory";
	*ret_off = g->base;
	if (frontier_room(f, g->thread_cnt) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < g->thread_cnt; i++) {
		const struct gen_thread *t = &g->threads[i];
		struct frontier_cur *c = &f->curs[i];
		int rc;

		c->m = t->m;
		c->om = NULL;
		cur_on_batch(c, g, t->first);
		rc = frontier_decode(c, g, ret_why);
		if (rc < 0) {
			*ret_off = frontier_bad_off(c);
			return rc;
		}
		if (!rc)
			continue;
		f->heap[f->cnt] = (struct frontier_ent){ .time_ns = c->c.ev->time_ns, .cur = c };
		sift_up(f->heap, f->cnt++);
	}
	fence(f);
	return 0;
}

static int ent_cmp(const void *a, const void *b)
{
	const struct frontier_ent *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

void frontier_sort(struct frontier *f)
{
	struct frontier_ent *h = f->heap;

	/* glibc's qsort merges: stable. The heap is nearly sorted when it is small. */
	if (f->cnt > 64) {
		qsort(h, f->cnt, sizeof(*h), ent_cmp);
		return;
	}
	for (size_t i = 1; i < f->cnt; i++) {
		struct frontier_ent e = h[i];
		size_t j = i;

		for (; j > 0 && h[j - 1].time_ns > e.time_ns; j--)
			h[j] = h[j - 1];
		h[j] = e;
	}
}

void frontier_done(struct frontier *f)
{
	free(f->curs);
	free(f->heap);
	*f = (struct frontier){ 0 };
}
