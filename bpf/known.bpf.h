/*
 * known.bpf.h - the hash of a stack that was told before, without telling it.
 *
 * Most stacks were. Then no pcs need to be kept, and the words that matter can be read into this
 * program's own stack, a small window at a time: that costs half of a read into a map, whatever its
 * size. A stack that was not told is left to the programs that tell it (tell.bpf.h).
 *
 * K1  The chain of frames is followed by stack.bpf.h's rule W1; where that would end it early, there is
 *     no answer here.
 * K2  Where the stack ends may be out of date (C2). It says where a window may lie, and which frame is
 *     the goroutine's own function's. What stands there is the same for all goroutines and needs no
 *     read: wrongly taken for it, a frame would have to make a stack that was read to its end and told.
 */
#ifndef KNOWN_BPF_H
#define KNOWN_BPF_H

enum {
	KNOWN_WINDOW = 408,
	KNOWN_MASK = 0x1f8, /* what an offset in it can have */
	KNOWN_FRAMES = 12,  /* in a window */
	KNOWN_DEPTHS = 1024,
	/*
	 * From the end of a stack down to where a goroutine's own function saves the frame pointer: four
	 * words, the return into goexit, itself (Go 1.19 to 1.27 runtime/proc.go newproc1).
	 */
	OUTERMOST_FRAME = 48,
};

/*
 * The depths, in bytes, of stacks that there was no answer for: so that the next one like it is left
 * alone at once. A hint: whatever stands here does no harm.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, KNOWN_DEPTHS);
	__type(key, __u32);
	__type(value, __u64);
} too_deep SEC(".maps");

#define KNOWN_NOT (~0ULL) /* no answer */

/* A window of a stack that ends at hi. */
struct known_window {
	char *b; /* KNOWN_WINDOW bytes */
	u64 base, hi;
};

static __always_inline volatile u64 *known_depth(u64 depth)
{
	u32 at = (u32)(depth >> 3) & (KNOWN_DEPTHS - 1);

	return bpf_map_lookup_elem(&too_deep, &at);
}

/* Moves w so that it begins at the word at, or ends with the stack. False: there is no such window. */
static __always_inline bool known_read(struct known_window *w, u64 at)
{
	u64 last = w->hi - KNOWN_WINDOW;

	w->base = (at < last ? at : last) & ~7ULL;
	return !bpf_probe_read_user(w->b, KNOWN_WINDOW, (const void *)w->base);
}

/* The first window, of the stack from the word at on. False: nor is it worth it. */
static __always_inline bool known_begin(struct known_window *w, u64 at)
{
	volatile u64 *depth = known_depth(w->hi - at);

	return !(w->hi & 7) && w->hi > KNOWN_WINDOW && depth && *depth != w->hi - at &&
	       known_read(w, at);
}

/* The hash that known_walk gave of the stack from the word at on, or 0. */
static __always_inline u64 known_end(const struct known_window *w, u64 at, u64 hash)
{
	volatile u64 *depth;

	if (hash != KNOWN_NOT)
		return hash;
	depth = known_depth(w->hi - at);
	if (depth)
		*depth = w->hi - at;
	return 0;
}

/*
 * v, of which the verifier no longer knows where it came from: half a word on the stack it does not
 * follow. Else it goes through every way that a chain's frames can lie in, not through each frame once.
 */
static __always_inline u32 forget(u32 v)
{
	struct {
		u32 pad;
		volatile u16 v;
	} half BLOCK_ALIGNED;

	half.v = (u16)v;
	return half.v;
}

/* The offset of bytes at the word at, if w holds them. */
static __always_inline bool known_at(const struct known_window *w, u64 at, u32 bytes, u32 *ret_off)
{
	u64 off = at - w->base;

	if (off & ~(u64)KNOWN_MASK)
		return false;
	*ret_off = forget((u32)off) & KNOWN_MASK;
	return *ret_off <= KNOWN_WINDOW - bytes;
}

/* A chain of frames: n pcs, of this hash, then the frame at fp. */
struct known_chain {
	u64 hash, fp;
	u32 n;
};

/* Follows it through the window. The stack's hash if it ends there, else 0. */
static __always_inline u64 known_frames(const struct known_window *w, struct known_chain *c)
{
	u32 off;

	for (u32 i = 0; i < KNOWN_FRAMES && known_at(w, c->fp, 16, &off); i++) {
		u64 next = word(w->b, off), pc = word(w->b, off + 8);

		if (pc) {
			c->hash = hash_pc(c->hash, pc);
			c->n++;
		}
		if (!pc || !next)
			return hash_end(c->hash, c->n);
		c->fp = next >= c->fp + 16 ? next : 0; /* W1: a frame at 0 cannot be read */
	}
	if (cfg.goexit_pc && c->fp == w->hi - OUTERMOST_FRAME)
		return hash_end(hash_pc(c->hash, cfg.goexit_pc), c->n + 1);
	return 0;
}

/*
 * The hash of the stack that c begins; 0: not told. KNOWN_NOT: it takes more windows or frames than
 * these, or ends early (K1).
 */
static __always_inline u64 known_walk(struct known_window *w, struct known_chain *c)
{
	u64 hash = known_frames(w, c);

	/* Not a loop: what the verifier knows is compared at the same instruction; so each has its own. */
	if (!hash && known_read(w, c->fp))
		hash = known_frames(w, c);
	if (!hash && known_read(w, c->fp))
		hash = known_frames(w, c);
	if (!hash && known_read(w, c->fp))
		hash = known_frames(w, c);
	if (!hash)
		return KNOWN_NOT;
	return stack_told(hash) ? hash : 0;
}

#endif
