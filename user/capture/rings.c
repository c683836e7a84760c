#include "capture/rings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/rec.h"

/* A record that waits for its turn. */
struct entry {
	uint64_t ts;
	uint64_t pos; /* in the ring's endless count of bytes */
};

struct ring {
	struct ring_ctl *ctl;
	const uint8_t *data;
	uint64_t scanned; /* all before is taken or waits */
	uint64_t bound;	  /* N2 */
	uint32_t lost_seen;
	struct entry *v; /* owned; v[head, tail) waits, sorted by ts */
	size_t head, tail, cap;
};

struct rings {
	struct ring *v; /* owned */
	size_t cnt;
	uint64_t mask, bound;
};

struct rings *rings_new(struct ring_ctl *ctl, uint8_t *data, size_t stride, size_t mask,
			size_t cnt)
{
	struct rings *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->v = calloc(cnt, sizeof(*r->v));
	if (!r->v) {
		free(r);
		return NULL;
	}
	r->cnt = cnt;
	r->mask = mask;
	for (size_t i = 0; i < cnt; i++) {
		r->v[i].ctl = ctl + i;
		r->v[i].data = data + i * stride;
		r->v[i].scanned = ctl[i].tail;
	}
	return r;
}

void rings_free(struct rings *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->cnt; i++)
		free(r->v[i].v);
	free(r->v);
	free(r);
}

static const struct rec *ring_at(const struct rings *r, const struct ring *g, uint64_t pos)
{
	return (const struct rec *)(g->data + (pos & r->mask));
}

static int ring_room(struct ring *g)
{
	struct entry *v;
	size_t cap;

	if (g->tail < g->cap)
		return 0;
	if (g->head > g->cap / 2) {
		memmove(g->v, g->v + g->head, (g->tail - g->head) * sizeof(*g->v));
		g->tail -= g->head;
		g->head = 0;
		return 0;
	}
	cap = g->cap ? g->cap * 2 : 1024;
	v = reallocarray(g->v, cap, sizeof(*v));
	if (!v)
		return -ENOMEM;
	g->v = v;
	g->cap = cap;
	return 0;
}

/* Puts an entry at its place; nearly always the end (N4). */
static int ring_insert(struct ring *g, uint64_t ts, uint64_t pos)
{
	size_t i;

	if (ring_room(g) < 0)
		return -ENOMEM;
	for (i = g->tail; i > g->head && g->v[i - 1].ts > ts; i--)
		g->v[i] = g->v[i - 1];
	g->v[i] = (struct entry){ .ts = ts, .pos = pos };
	g->tail++;
	return 0;
}

static int ring_scan(struct rings *r, struct ring *g, uint64_t now_ns, bool final, struct diag *d)
{
	uint64_t head = __atomic_load_n(&g->ctl->head, __ATOMIC_ACQUIRE);

	if (head - g->scanned > r->mask + 1)
		return diag_set(d, -EBADMSG, "a ring is damaged: more was claimed than it holds");
	while (g->scanned != head) {
		const struct rec *rec = ring_at(r, g, g->scanned);
		uint32_t seq = __atomic_load_n(&rec->seq, __ATOMIC_ACQUIRE);

		if (seq != (uint32_t)(g->scanned >> 3) + 1)
			break;
		if (!rec_sane(rec, head - g->scanned))
			return diag_set(d, -EBADMSG, "a ring is damaged: a record of %u bytes",
					rec->len);
		if (ring_insert(g, rec->ts, g->scanned) < 0)
			return diag_set(d, -ENOMEM, "no memory to merge records");
		g->scanned += rec->len;
	}
	if (final && g->scanned != head) {
		/* Its program will not come back: nothing behind it can be found either. */
		g->ctl->lost++;
		g->scanned = head;
	}
	if (g->scanned == head)
		g->bound = now_ns;
	return 0;
}

int rings_scan(struct rings *r, uint64_t now_ns, bool final, struct diag *d)
{
	r->bound = UINT64_MAX;
	for (size_t i = 0; i < r->cnt; i++) {
		int err = ring_scan(r, &r->v[i], now_ns, final, d);

		if (err < 0)
			return err;
		if (r->v[i].bound < r->bound)
			r->bound = r->v[i].bound;
	}
	if (final)
		r->bound = UINT64_MAX;
	return 0;
}

const struct rec *rings_next(struct rings *r, struct rings_loss *ret_loss)
{
	struct ring *best = NULL;
	const struct rec *rec;

	for (size_t i = 0; i < r->cnt; i++) {
		struct ring *g = &r->v[i];

		if (g->head < g->tail && (!best || g->v[g->head].ts < best->v[best->head].ts))
			best = g;
	}
	if (!best || best->v[best->head].ts >= r->bound)
		return NULL;
	rec = ring_at(r, best, best->v[best->head].pos);
	best->head++;
	ret_loss->cnt = (uint32_t)(rec->lost - best->lost_seen);
	/* Out of order by a preemption (N4): told with the record that counted it. */
	if ((int32_t)ret_loss->cnt < 0)
		ret_loss->cnt = 0;
	else
		best->lost_seen = rec->lost;
	ret_loss->ts = rec->ts;
	ret_loss->cpu = (uint32_t)(best - r->v);
	return rec;
}

void rings_release(struct rings *r)
{
	for (size_t i = 0; i < r->cnt; i++) {
		struct ring *g = &r->v[i];
		uint64_t tail = g->scanned;

		/* Sorted by time, not by place: the oldest place that still waits. */
		for (size_t k = g->head; k < g->tail; k++)
			if (g->v[k].pos < tail)
				tail = g->v[k].pos;
		__atomic_store_n(&g->ctl->tail, tail, __ATOMIC_RELEASE);
		if (g->head == g->tail)
			g->head = g->tail = 0;
	}
}

void rings_skip(struct rings *r)
{
	for (size_t i = 0; i < r->cnt; i++)
		r->v[i].scanned = r->v[i].ctl->tail;
}

size_t rings_fill(const struct rings *r)
{
	size_t most = 0;

	for (size_t i = 0; i < r->cnt; i++) {
		const struct ring_ctl *c = r->v[i].ctl;
		size_t n = __atomic_load_n(&c->head, __ATOMIC_RELAXED) - c->tail;

		if (n > most)
			most = n;
	}
	return most;
}

void rings_sum(const struct rings *r, struct rings_sums *ret)
{
	*ret = (struct rings_sums){ 0 };
	for (size_t i = 0; i < r->cnt; i++) {
		const struct ring_ctl *c = r->v[i].ctl;

		ret->lost += c->lost;
		ret->skipped += c->skipped;
		ret->passed += c->passed;
		ret->traced += c->traced;
		ret->faults += c->faults;
		ret->bytes += c->head;
		for (size_t k = 0; k < HOOK_BPF_END; k++)
			ret->lost_by[k] += c->lost_by[k];
	}
}
