/*
 * gcache.bpf.h - what stays the same of a goroutine, so that not every hit has to read it.
 *
 * An entry holds a goroutine's number, which stays until another is made in its structure, and its
 * stack's bounds, which stay until the stack is copied.
 *
 * C1  Entries are used while every creation is seen and replaces the structure's entry: else g_epoch
 *     is 0. It is another number each time that begins, and an entry of another one is none.
 * C2  Bounds say how much is worth reading, and by themselves never where a stack ends (K2): it is
 *     copied elsewhere when it grows, and in time another copy may lie where an earlier one was.
 * C3  key says whose entry it is, and is BUSY while the rest is written; who meets BUSY lets it be. So
 *     whoever finds the same key before and after reading the rest has read what belongs together.
 */
#ifndef GCACHE_BPF_H
#define GCACHE_BPF_H

enum { GCACHE_BITS = 13, GCACHE_BUSY = 1 };

struct gcache {
	u64 key; /* 0: none */
	u64 goid, stack_lo, stack_hi;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << GCACHE_BITS);
	__type(key, __u32);
	__type(value, struct gcache);
} gcaches SEC(".maps");

static __always_inline volatile struct gcache *gcache_slot(u64 g)
{
	u32 at = addr_slot(g, GCACHE_BITS);

	return bpf_map_lookup_elem(&gcaches, &at);
}

/* Of g in this epoch, which is spread over 64 bits, or 0: nothing is to be kept. */
static __always_inline u64 gcache_key(u64 g)
{
#if defined(__TARGET_ARCH_x86)
	return g_epoch ? g ^ g_epoch : 0;
#else
	return 0; /* C3 needs loads in order */
#endif
}

/* goid and bounds of e->g into e (bounds 0: not known); false: not kept. */
static __always_inline bool gcache_get(struct event *e)
{
	volatile struct gcache *c = gcache_slot(e->g);
	u64 key = gcache_key(e->g);

	if (!key || !c || c->key != key)
		return false;
	e->goid = c->goid;
	e->stack_lo = c->stack_lo;
	e->stack_hi = c->stack_hi;
	return c->key == key;
}

/* Keeps goid, and bounds if they are known, of g: in place of what was kept of g so far. */
static __always_inline void gcache_put(u64 g, u64 goid, u64 lo, u64 hi)
{
	volatile struct gcache *c = gcache_slot(g);
	u64 key = gcache_key(g), old;

	if (!key || !c)
		return;
	old = c->key;
	if (old == GCACHE_BUSY ||
	    __sync_val_compare_and_swap((u64 *)&c->key, old, GCACHE_BUSY) != old)
		return;
	c->goid = goid;
	c->stack_lo = lo;
	c->stack_hi = hi;
	c->key = key;
}

/* Where the stack of g ends, which sp lies in, or 0. Not to be relied on (C2). */
static __always_inline u64 gcache_stack_end(u64 g, u64 sp)
{
	struct event kept = { .g = g };

	return gcache_get(&kept) && kept.stack_lo < sp && sp <= kept.stack_hi ? kept.stack_hi : 0;
}

/* The same; of a g that is kept, it is read where it is not known, and kept. */
static __always_inline u64 gcache_read_stack_end(u64 g, u64 sp)
{
	struct event kept = { .g = g };
	u64 b[2];

	if (!gcache_get(&kept))
		return 0;
	if (kept.stack_lo < sp && sp <= kept.stack_hi)
		return kept.stack_hi;
	if (bpf_probe_read_user(b, sizeof(b), (const void *)g) || sp <= b[0] || sp > b[1])
		return 0;
	gcache_put(g, kept.goid, b[0], b[1]);
	return b[1];
}

/* From the next hit on g is read again. */
static __always_inline void gcache_drop(u64 g)
{
	volatile struct gcache *c = gcache_slot(g);
	u64 key = gcache_key(g);

	if (key && c && c->key == key)
		__sync_val_compare_and_swap((u64 *)&c->key, key, 0);
}

#endif
