/*
 * stack.bpf.h - the goroutine's stack by its frame pointers (go-runtime.md 8), told once.
 *
 * The chain is read a window at a time: a read of 1 KiB costs little more than one of 16 bytes, and
 * holds most stacks whole. A window and the pcs do not fit the program's 512 bytes of stack, so a
 * run borrows a scratch slot of its CPU; runs that preempt each other borrow different ones.
 *
 * W1  A frame's address must rise, be aligned and lie in the stack, else the chain ends there, but
 *     behind a callback from C.
 * W2  A stack is known only after the record with its pcs was committed: so in order of time a
 *     record with the pcs always comes first (record.h R6). Two CPUs may both tell it: no harm.
 */
#ifndef STACK_BPF_H
#define STACK_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set by the loader: CPUs * SCRATCH_SLOTS */
	__type(key, __u32);
	__type(value, struct bpf_scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, KNOWN_STACKS);
	__type(key, __u32);
	__type(value, __u64);
} known SEC(".maps");

static __always_inline struct bpf_scratch *scratch_take(u32 cpu)
{
	for (u32 i = 0; i < SCRATCH_SLOTS; i++) {
		u32 at = cpu * SCRATCH_SLOTS + i;
		struct bpf_scratch *s = bpf_map_lookup_elem(&scratches, &at);

		if (s && __sync_val_compare_and_swap(&s->busy, 0, 1) == 0)
			return s;
	}
	return NULL;
}

static __always_inline void scratch_give(struct bpf_scratch *s)
{
	__sync_lock_test_and_set(&s->busy, 0);
}

/*
 * A stack's hash: hash_pc over its pcs, leaf first, from HASH_SEED on, then hash_end. The quick walks
 * (hot.bpf.h, syscall.bpf.h) and stack_walk must agree on it: one is looked up by the other's.
 */
enum { HASH_SEED = 1 };

static __always_inline u64 hash_pc(u64 h, u64 pc)
{
	h = (h ^ pc) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

/* A stack's hash, from that of its n pcs: never 0. */
static __always_inline u64 hash_end(u64 h, u32 n)
{
	h ^= n;
	return h ? h : 1;
}

enum { PAGE_BYTES = 4096 }; /* the least that pages have */

/*
 * Reads up to want bytes at base into the window; how many, 0 if none. Behind the stack, whose end is
 * not always known, there may be a page that was never touched: then up to the end of base's own.
 */
static __always_inline u64 window_read(struct bpf_scratch *s, u64 base, u64 want)
{
	u64 rest = PAGE_BYTES - (base & (PAGE_BYTES - 1));

	if (want > STACK_WINDOW)
		want = STACK_WINDOW;
	if (want < 8)
		return 0;
	if (!bpf_probe_read_user(s->window, want, (const void *)base))
		return want;
	if (rest >= want || rest < 8)
		return 0;
	if (rest > STACK_WINDOW)
		rest = STACK_WINDOW;
	return bpf_probe_read_user(s->window, rest, (const void *)base) ? 0 : rest;
}

/* What bpf_loop hands to its callback must lie on the stack: where the scratch slot is. */
struct walk {
	struct bpf_scratch *s;
};

/* Is this the return address of a callback from C? */
static __always_inline bool in_callback(u64 pc)
{
	return pc - cfg.callback < cfg.ecallback - cfg.callback;
}

/*
 * Behind cgocallback the frame pointer is C's. The goroutine's chain goes on above what cgocallback
 * saved (go-runtime.md 8.4). 1 at the end: on a thread of C there is nothing.
 */
static __always_inline long walk_callback(struct bpf_scratch *s)
{
	struct bpf_chain *w = &s->chain;
	u64 pc = s->pcs[(w->n - 1) & (REC_MAX_PC - 1)], slot = w->lo - 8;

	if (!w->base || !w->n || w->n >= REC_MAX_PC || !in_callback(pc))
		return 1;
	if (bpf_probe_read_user(&pc, sizeof(pc), (const void *)(slot + CALLBACK_PC))) {
		w->flags |= REC_F_CUT;
		return 1;
	}
	s->pcs[w->n & (REC_MAX_PC - 1)] = pc;
	w->n++;
	w->hash = hash_pc(w->hash, pc);
	w->lo = w->fp = slot + CALLBACK_FP;
	return pc == cfg.goexit_pc;
}

/* One frame of the chain; 1 at its end. A callback: the verifier goes through a frame once, not 128 times. */
static long walk_frame(u64 i, struct walk *walk)
{
	struct bpf_scratch *s = walk->s;
	struct bpf_chain *w;
	u64 fp, off, pc;

	if (!s)
		return 1;
	w = &s->chain;
	fp = w->fp;
	off = fp - w->base;
	if (fp < w->lo || fp >= w->hi || (fp & 7))
		return walk_callback(s);
	if (!w->base || off > w->have) {
		u64 want = w->hi - fp;

		if (want < 16)
			return 1;
		want = window_read(s, fp, want);
		if (want < 16) {
			w->flags |= REC_F_CUT;
			return 1;
		}
		w->base = fp;
		w->have = want - 16;
		off = 0;
	}
	off &= STACK_WINDOW - 8;
	w->fp = *(u64 *)(s->window + off);
	pc = *(u64 *)(s->window + off + 8);
	if (!pc)
		return 1;
	if (w->n >= REC_MAX_PC) {
		w->flags |= REC_F_CUT;
		return 1;
	}
	s->pcs[w->n & (REC_MAX_PC - 1)] = pc;
	w->n++;
	w->hash = hash_pc(w->hash, pc);
	w->lo = w->base + off + 16;
	if (!in_callback(pc))
		return w->fp == 0;
	w->fp = 0;
	return 0;
}

/* The frames behind those of the first window, from where s->chain stands. */
__noinline int walk_rest(struct bpf_scratch *s)
{
	struct walk w = { .s = s };

	if (s)
		bpf_loop(REC_MAX_PC, walk_frame, &w, 0);
	return 0;
}

enum { WALK_FIRST = 16 }; /* frames of the first window that are walked without a callback */

/*
 * The frames of the window, want bytes at base, from the one at next on: most stacks end here. A loop
 * of its own, since a callback costs as much as a frame. n pcs, of this hash, are there already; true:
 * the chain has ended. Else walk_rest goes on from s->chain.
 */
static __always_inline bool walk_window(struct bpf_scratch *s, const struct event *e, u64 base,
					u64 want, u64 next, u32 *ret_n, u64 *ret_hash)
{
	u64 hash = *ret_hash, off = next - base, last = 0;
	bool end = false, callback = false;
	u32 n = *ret_n;

	s->chain.base = 0;
	s->chain.lo = e->stack_lo;
	if (want < 16)
		goto out;
	want -= 16;
	if (next < base || off > want || (next & 7))
		goto out;
	for (u32 i = 0; i < WALK_FIRST; i++) {
		u64 pc;

		off &= STACK_WINDOW - 8;
		last = off;
		next = *(u64 *)(s->window + off);
		pc = *(u64 *)(s->window + off + 8);
		if (!pc) {
			end = true;
			break;
		}
		s->pcs[n & (REC_MAX_PC - 1)] = pc;
		n++;
		hash = hash_pc(hash, pc);
		callback = in_callback(pc);
		if (callback || next - base <= off + 8 || next - base > want || (next & 7))
			break; /* the end, or another window */
		off = next - base;
	}
	*ret_hash = hash;
	*ret_n = n;
	if (callback)
		next = 0;
	else if (end || !next)
		return true;
	s->chain.base = base;
	s->chain.have = want;
	s->chain.lo = base + last + 16;
out:
	s->chain.fp = next;
	s->chain.hi = e->stack_hi;
	s->chain.hash = hash;
	s->chain.n = n;
	s->chain.flags = 0;
	return false;
}

/* Reads the first window, and its frames. As walk_window. */
static __always_inline bool walk_first(struct bpf_scratch *s, const struct event *e, u32 *ret_n,
				       u64 *ret_hash)
{
	u64 base = e->top ? e->top : e->fp, hi = e->known_hi ? e->known_hi : e->stack_hi, want;

	if (base < e->stack_lo || base >= e->stack_hi || (base & 7))
		return true;
	want = window_read(s, base, hi - base);
	if (e->top && want) {
		u64 pc = *(u64 *)s->window;

		s->pcs[*ret_n & (REC_MAX_PC - 1)] = pc;
		(*ret_n)++;
		*ret_hash = hash_pc(*ret_hash, pc);
	}
	return walk_window(s, e, base, want, e->fp, ret_n, ret_hash);
}

/* Fills s->pcs from pc0, pc1 and the chain at e->fp; the number, and their hash (never 0). */
static __always_inline u32 stack_walk(struct event *e, struct bpf_scratch *s, u64 *ret_hash)
{
	u64 hash = HASH_SEED;
	u32 n = 0;

	if (e->pc0) {
		s->pcs[n++] = e->pc0;
		hash = hash_pc(hash, e->pc0);
		if (e->pc1) {
			s->pcs[n++] = e->pc1;
			hash = hash_pc(hash, e->pc1);
		}
	}
	if (!walk_first(s, e, &n, &hash)) {
		walk_rest(s);
		e->flags |= s->chain.flags;
		hash = s->chain.hash;
		n = s->chain.n;
	}
	*ret_hash = hash_end(hash, n);
	return n;
}

/* The record with its n pcs, and from then on the hash alone. */
__noinline int stack_tell(struct event *e, struct bpf_scratch *s, u32 n)
{
	struct ring_ctl *ctl;
	u32 seq = 0, at;
	struct rec *r;
	u64 *slot;

	if (!e || !s)
		return 0;
	ctl = ctl_of(e->cpu);
	if (!ctl)
		return 0;
	if (n > REC_MAX_PC)
		n = REC_MAX_PC;
	r = (void *)ring_claim(ctl, e->cpu, REC_FIXED + n * 8, e->hook, &seq);
	if (!r)
		return 0;
	rec_fill(r, e, ctl);
	bpf_probe_read_kernel(r->pcs, n * 8, s->pcs);
	r->len = (u16)(REC_FIXED + n * 8);
	r->npc = (u8)n;
	rec_commit(r, seq);
	at = KNOWN_SLOT(e->stack);
	slot = bpf_map_lookup_elem(&known, &at);
	if (slot && n)
		*(volatile u64 *)slot = e->stack;
	return 0;
}

/* True if a stack of this hash was told. */
static __always_inline bool stack_told(u64 hash)
{
	u32 at = KNOWN_SLOT(hash);
	u64 *slot = bpf_map_lookup_elem(&known, &at);

	return slot && *(volatile u64 *)slot == hash;
}

/* A record with the stack that e describes: pc0, pc1 if not 0, then the chain from fp. */
__noinline int emit_stack(struct event *e)
{
	struct bpf_scratch *s;
	u64 hash = 0;
	u32 n;

	if (!e)
		return 0;
	s = scratch_take(e->cpu);
	if (!s) { /* no scratch slot is free: without its stack */
		e->flags |= REC_F_CUT;
		emit(e);
		return 0;
	}
	n = stack_walk(e, s, &hash);
	e->stack = n ? hash : 0;
	if (n && stack_told(hash))
		__emit(e);
	else
		stack_tell(e, s, n);
	scratch_give(s);
	return 0;
}

/* Two strings of the target: addresses and lengths, each cut at REC_TEXT_EACH. */
struct texts {
	u64 key, key_len, msg, msg_len;
};

/* A user annotation: a record with one or two texts and a short stack. */
__noinline int emit_text(struct event *e, struct texts *t)
{
	u32 seq = 0, n, key, msg;
	struct bpf_scratch *s;
	struct ring_ctl *ctl;
	u64 hash = 0;
	struct rec *r;
	char *dst;

	if (!e || !t)
		return 0;
	ctl = ctl_of(e->cpu);
	if (!ctl)
		return 0;
	s = scratch_take(e->cpu);
	if (!s) {
		skipped(e);
		return 0;
	}
	n = stack_walk(e, s, &hash);
	if (n > REC_TEXT_PC)
		n = REC_TEXT_PC;
	r = (void *)ring_claim(ctl, e->cpu, REC_FIXED + REC_TEXT_PC * 8 + 2 * REC_TEXT_EACH,
			       e->hook, &seq);
	if (!r) {
		scratch_give(s);
		return 0;
	}
	bpf_probe_read_kernel(r->pcs, REC_TEXT_PC * 8, s->pcs);
	scratch_give(s);
	dst = (char *)&r->pcs[REC_TEXT_PC];
	key = t->key_len > REC_TEXT_EACH ? REC_TEXT_EACH : (u32)t->key_len;
	msg = t->msg_len > REC_TEXT_EACH ? REC_TEXT_EACH : (u32)t->msg_len;
	if (key && bpf_probe_read_user(dst, key, (const void *)t->key))
		key = 0;
	if (msg && bpf_probe_read_user(dst + REC_TEXT_EACH, msg, (const void *)t->msg))
		msg = 0;
	rec_fill(r, e, ctl);
	r->p = key | (u64)msg << 32; /* P is not needed here: the lengths of the two texts */
	r->len = REC_FIXED + REC_TEXT_PC * 8 + 2 * REC_TEXT_EACH;
	r->npc = (u8)n;
	rec_commit(r, seq);
	return 0;
}

#endif
