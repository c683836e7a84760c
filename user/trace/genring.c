#include "trace/genring.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "trace/batch.h"

enum { PAGE = 4096, SLACK_DIV = 8 };

struct gen_block {
	struct gen_block *next; /* younger */
	struct genring_gen gen;
	size_t off;
	bool kept;	  /* by the ring */
	atomic_uint refs; /* the ring's and the sets' */
};

struct genring {
	struct genring_opts o;
	uint8_t *arena; /* owned, cap bytes */
	size_t cap;
	size_t limit; /* of kept bytes; <= o.bytes */
	size_t head;  /* where the next is tried */
	size_t kept_bytes;
	struct gen_block *first, *last; /* all, by age; owned */
	uint64_t added, evicted_by_bytes;
};

static size_t slack_of(const struct genring_opts *o)
{
	size_t s = o->bytes / SLACK_DIV;

	return s > o->gen_bytes ? s : o->gen_bytes;
}

size_t genring_arena(const struct genring_opts *o)
{
	return (o->bytes + slack_of(o) + PAGE - 1) / PAGE * PAGE;
}

struct genring *genring_new(const struct genring_opts *o)
{
	struct genring *r = calloc(1, sizeof(*r));
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | (o->touch ? MAP_POPULATE : 0);

	if (!r)
		return NULL;
	r->o = *o;
	r->limit = o->bytes;
	r->cap = genring_arena(o);
	r->arena = mmap(NULL, r->cap, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (r->arena == MAP_FAILED) {
		free(r);
		return NULL;
	}
	return r;
}

void genring_free(struct genring *r)
{
	if (!r)
		return;
	while (r->first) {
		struct gen_block *b = r->first;

		r->first = b->next;
		free(b);
	}
	munmap(r->arena, r->cap);
	free(r);
}

/* Forgets blocks that nobody refers to (R2). */
static void sweep(struct genring *r)
{
	struct gen_block **link = &r->first, *last = NULL;

	while (*link) {
		struct gen_block *b = *link;

		if (atomic_load_explicit(&b->refs, memory_order_acquire)) {
			last = b;
			link = &b->next;
			continue;
		}
		*link = b->next;
		free(b);
	}
	r->last = last;
}

static void give_up(struct genring *r, struct gen_block *b)
{
	b->kept = false;
	r->kept_bytes -= b->gen.len;
	atomic_fetch_sub_explicit(&b->refs, 1, memory_order_release);
}

static struct gen_block *oldest_kept(const struct genring *r)
{
	struct gen_block *b = r->first;

	while (b && !b->kept)
		b = b->next;
	return b;
}

/*
 * Gives up what is not needed for the window that ends with g, and what is too much by g's bytes; g
 * is NULL if there is no new one.
 */
static void evict(struct genring *r, const struct genring_gen *g)
{
	size_t n = g ? g->len : 0;
	struct gen_block *b;

	while ((b = oldest_kept(r))) {
		/* Blocks behind a kept one are kept. */
		uint64_t covers = b->next ? b->next->gen.start_ns : g ? g->start_ns : UINT64_MAX;
		bool old = g && r->o.window_ns && covers <= g->end_ns &&
			   g->end_ns - covers >= r->o.window_ns;
		bool big = r->kept_bytes + n > r->limit;

		if (!old && !big)
			break;
		if (!old)
			r->evicted_by_bytes++;
		give_up(r, b);
	}
	sweep(r);
}

/* The block in [pos, pos + n) that stands first, or NULL. */
static struct gen_block *in_the_way(const struct genring *r, size_t pos, size_t n)
{
	struct gen_block *found = NULL;

	for (struct gen_block *b = r->first; b; b = b->next)
		if (b->off < pos + n && b->off + b->gen.len > pos &&
		    (!found || b->off < found->off))
			found = b;
	return found;
}

static bool is_held(const struct gen_block *b)
{
	return !b->kept || atomic_load_explicit(&b->refs, memory_order_acquire) > 1;
}

/* True if a set holds a generation older than b: then b is of the window that shall stay. */
static bool held_before(const struct genring *r, const struct gen_block *b)
{
	for (const struct gen_block *o = r->first; o != b; o = o->next)
		if (is_held(o))
			return true;
	return false;
}

/* A place for n bytes: behind the newest; past what is held; what only the ring keeps gives way. */
static int place(struct genring *r, size_t n, size_t *ret)
{
	size_t pos = r->head;
	bool wrapped = false;

	for (;;) {
		struct gen_block *b, *old;

		if (pos + n > r->cap) {
			if (wrapped)
				return -EBUSY;
			pos = 0;
			wrapped = true;
		}
		b = in_the_way(r, pos, n);
		if (!b) {
			*ret = pos;
			return 0;
		}
		if (is_held(b)) {
			pos = b->off + b->gen.len;
			continue;
		}
		if (held_before(r, b))
			return -EBUSY;
		/* R3: without a gap, so all that is older goes, too. */
		do {
			old = oldest_kept(r);
			give_up(r, old);
			r->evicted_by_bytes++;
		} while (old != b);
		sweep(r);
	}
}

int genring_add(struct genring *r, const struct genring_gen *g)
{
	struct gen_block *b;
	size_t off;
	int err;

	evict(r, g);
	if (g->len > r->limit)
		return -E2BIG;
	err = place(r, g->len, &off);
	if (err < 0)
		return err;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	memcpy(r->arena + off, g->bytes, g->len);
	b->gen = *g;
	b->gen.bytes = r->arena + off;
	b->off = off;
	b->kept = true;
	atomic_init(&b->refs, 1);
	if (r->last)
		r->last->next = b;
	else
		r->first = b;
	r->last = b;
	r->head = off + g->len;
	r->kept_bytes += g->len;
	r->added++;
	return 0;
}

void genring_limit(struct genring *r, size_t bytes)
{
	r->limit = bytes < r->o.bytes ? bytes : r->o.bytes;
	evict(r, NULL);
}

void genring_trim(struct genring *r)
{
	size_t pos = 0;

	sweep(r);
	while (pos < r->cap) {
		const struct gen_block *b = in_the_way(r, pos, r->cap - pos);
		size_t end = (b ? b->off : r->cap) / PAGE * PAGE;
		size_t from = (pos + PAGE - 1) / PAGE * PAGE;

		if (end > from)
			(void)madvise(r->arena + from, end - from, MADV_DONTNEED);
		pos = b ? b->off + b->gen.len : r->cap;
	}
}

void genring_get_stat(const struct genring *r, struct genring_stat *ret)
{
	*ret = (struct genring_stat){
		.added = r->added, .evicted_by_bytes = r->evicted_by_bytes, .bytes = r->kept_bytes};
	for (struct gen_block *b = r->first; b; b = b->next) {
		if (!b->kept) {
			if (atomic_load_explicit(&b->refs, memory_order_relaxed))
				ret->held_bytes += b->gen.len;
			continue;
		}
		if (!ret->gens)
			ret->start_ns = b->gen.start_ns;
		ret->gens++;
		ret->events += b->gen.events;
		ret->end_ns = b->gen.end_ns;
	}
}

static bool is_asked_for(const struct gen_block *b, uint64_t from_ns)
{
	return b->kept && (!b->next || b->next->gen.start_ns > from_ns);
}

int genring_hold(struct genring *r, uint64_t from_ns, struct genring_set *ret)
{
	struct genring_set s = { 0 };
	size_t n = 0;

	for (struct gen_block *b = r->first; b; b = b->next)
		n += is_asked_for(b, from_ns);
	if (n) {
		s.gens = calloc(n, sizeof(*s.gens));
		s.blocks = calloc(n, sizeof(struct gen_block *));
		if (!s.gens || !s.blocks) {
			free(s.gens);
			free(s.blocks);
			return -ENOMEM;
		}
	}
	for (struct gen_block *b = r->first; b; b = b->next) {
		if (!is_asked_for(b, from_ns))
			continue;
		atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
		s.gens[s.cnt] = b->gen;
		s.blocks[s.cnt++] = b;
	}
	*ret = s;
	return 0;
}

void genring_set_drop(struct genring_set *s, size_t i)
{
	if (!s->blocks[i])
		return;
	/* The last use of the bytes comes before: the ring's thread may free the block at once. */
	atomic_fetch_sub_explicit(&s->blocks[i]->refs, 1, memory_order_release);
	s->blocks[i] = NULL;
}

void genring_set_done(struct genring_set *s)
{
	for (size_t i = 0; i < s->cnt; i++)
		genring_set_drop(s, i);
	free(s->gens);
	free(s->blocks);
	*s = (struct genring_set){ 0 };
}

long genring_copy(const struct genring_gen *g, uint64_t gen, size_t *off, uint8_t *buf, size_t cap)
{
	size_t from = *off, at = from;

	while (at < g->len) {
		size_t n = batch_next(g->bytes + at, g->len - at);

		if (n == 0)
			return -1;
		if (at + n - from > cap)
			break;
		at += n;
	}
	memcpy(buf, g->bytes + from, at - from);
	if (batch_renumber(buf, at - from, gen) < 0)
		return -1;
	*off = at;
	return (long)(at - from);
}
