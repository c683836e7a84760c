/*
 * stack.bpf.h - the goroutine's stack by its frame pointers (go-runtime.md 8), told once.
 *
 * The chain is read a window at a time: a read of 1 KiB costs little more than one of 16 bytes, and
 * holds most stacks whole. A window and the pcs do not fit the program's 512 bytes of stack, so a
 * run borrows a scratch slot of its CPU; runs that preempt each other borrow different ones.
 *
 * W1  A frame's address must rise, be aligned and lie in the stack, else the chain ends there.
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

static __always_inline u64 hash_pc(u64 h, u64 pc)
{
	h = (h ^ pc) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

/* Where the walk stands; base 0: no window was read. */
struct chain {
	u64 fp, lo, hi, base, have, hash;
	u32 n;
	u8 flags;
};

/* The same, for a callback: so the verifier goes through a frame once, not 128 times. */
struct walk {
	struct bpf_scratch *s;
	struct chain c;
};

/* One frame of the chain; 1 at its end. */
static long walk_frame(u64 i, struct walk *walk)
{
	struct bpf_scratch *s = walk->s;
	struct chain *w = &walk->c;
	u64 fp = w->fp, off = fp - w->base, pc;

	if (!s || fp < w->lo || fp >= w->hi || (fp & 7))
		return 1;
	if (!w->base || off > w->have) {
		u64 want = w->hi - fp;

		if (want > STACK_WINDOW)
			want = STACK_WINDOW;
		if (want < 16)
			return 1;
		if (bpf_probe_read_user(s->window, want, (const void *)fp)) {
			want = 16;
			if (bpf_probe_read_user(s->window, 16, (const void *)fp)) {
				w->flags |= REC_F_CUT;
				return 1;
			}
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
	return w->fp == 0;
}

enum { WALK_FIRST = 16 }; /* frames of the first window that are walked without a callback */

/*
 * The frames of the first window: most stacks end here. A loop of its own, since a callback costs as
 * much as a frame. True: the chain has ended; false: walk_frame goes on from where w stands.
 */
__noinline int walk_first(struct bpf_scratch *s, struct chain *w)
{
	u64 base, want, off = 0, last = 0, hash, next = 0;
	bool end = false;
	u32 n;

	if (!s || !w)
		return true;
	base = w->fp;
	hash = w->hash;
	n = w->n;
	want = w->hi - base;
	if (base < w->lo || base >= w->hi || (base & 7))
		return true;
	if (want > STACK_WINDOW)
		want = STACK_WINDOW;
	if (want < 16 || bpf_probe_read_user(s->window, want, (const void *)base))
		return false;
	want -= 16;
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
		if (next - base <= off + 8 || next - base > want || (next & 7))
			break; /* the end, or another window */
		off = next - base;
	}
	w->base = base;
	w->have = want;
	w->hash = hash;
	w->n = n;
	w->lo = base + last + 16;
	w->fp = next;
	return end || !next;
}

/* Fills s->pcs from pc0, pc1 and the chain at e->fp; the number, and their hash (never 0). */
static __always_inline u32 stack_walk(struct event *e, struct bpf_scratch *s, u64 *ret_hash)
{
	struct walk w = {
		.s = s,
		.c = { .fp = e->fp, .lo = e->stack_lo, .hi = e->stack_hi, .hash = 1 },
	};
	struct chain *c = &w.c;

	if (e->pc0) {
		s->pcs[0] = e->pc0;
		c->hash = hash_pc(c->hash, e->pc0);
		c->n = 1;
		if (e->pc1) {
			s->pcs[1] = e->pc1;
			c->hash = hash_pc(c->hash, e->pc1);
			c->n = 2;
		}
	}
	if (!walk_first(s, c))
		bpf_loop(REC_MAX_PC, walk_frame, &w, 0);
	e->flags |= c->flags;
	c->hash ^= c->n;
	*ret_hash = c->hash ? c->hash : 1;
	return c->n;
}

/* The record with its pcs, and from then on the hash alone. */
static __always_inline void stack_tell(struct event *e, struct ring_ctl *ctl, struct bpf_scratch *s,
				       u32 n, u64 *slot)
{
	u32 seq = 0;
	struct rec *r = (void *)ring_claim(ctl, e->cpu, REC_FIXED + n * 8, e->hook, &seq);

	if (!r)
		return;
	rec_fill(r, e, ctl);
	bpf_probe_read_kernel(r->pcs, n * 8, s->pcs);
	r->len = (u16)(REC_FIXED + n * 8);
	r->npc = (u8)n;
	rec_commit(r, seq);
	if (slot)
		*(volatile u64 *)slot = e->stack;
}

/* A record with the stack that e describes: pc0, pc1 if not 0, then the chain from fp. */
__noinline int emit_stack(struct event *e)
{
	struct bpf_scratch *s;
	struct ring_ctl *ctl;
	u64 hash = 0, *slot;
	u32 n, at;

	if (!e)
		return 0;
	ctl = bpf_map_lookup_elem(&ctls, &e->cpu);
	s = scratch_take(e->cpu);
	if (!ctl || !s) {
		if (s)
			scratch_give(s);
		e->flags |= REC_F_CUT;
		emit(e);
		return 0;
	}
	n = stack_walk(e, s, &hash);
	e->stack = n ? hash : 0;
	at = KNOWN_SLOT(hash);
	slot = bpf_map_lookup_elem(&known, &at);
	if (n && !(slot && *(volatile u64 *)slot == hash)) {
		if (n > REC_MAX_PC)
			n = REC_MAX_PC;
		stack_tell(e, ctl, s, n, slot);
		scratch_give(s);
		return 0;
	}
	scratch_give(s);
	emit(e);
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
	ctl = bpf_map_lookup_elem(&ctls, &e->cpu);
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
