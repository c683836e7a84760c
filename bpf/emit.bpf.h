/*
 * emit.bpf.h - one record into this CPU's ring.
 *
 * The ring is a value of an mmap()ed array map, hand-made instead of a BPF ring buffer: no lock and
 * no helper call per record (docs/overhead.md has the measurement). Programs on uprobes can be
 * preempted, and another thread can then run the same program on the same CPU, so
 *
 * E1  room is claimed by compare-and-swap on head; a claim belongs to one program run;
 * E2  the time is taken after the claim (R3), the commit word is written last (R2);
 * E3  no scratch memory is shared: all is on the program's stack or in claimed room;
 * E4  a record never wraps: a value has REC_MAX_LEN bytes of room behind the ring's end.
 */
#ifndef EMIT_BPF_H
#define EMIT_BPF_H

enum {
	CLAIM_TRIES = 8, /* each failure means that another thread preempted us in between */
	REC_FIXED = sizeof(struct rec),
};

/* The stack in pieces: the goroutine's frame-pointer chain (go-runtime.md 8). */
struct pair {
	u64 fp, pc;
};

/*
 * The next frame of the chain at *fp: 16 bytes, saved frame pointer and return address. Addresses
 * must rise, be aligned and stay in the stack, else the chain ends here (0 also ends it).
 */
static __always_inline u64 stack_next(struct event *e, u64 *fp)
{
	struct pair f;

	if (*fp < e->stack_lo || *fp >= e->stack_hi || (*fp & 7))
		return 0;
	if (bpf_probe_read_user(&f, sizeof(f), (const void *)*fp)) {
		e->flags |= REC_F_CUT;
		return 0;
	}
	e->stack_lo = *fp + 16;
	*fp = f.fp;
	return f.pc;
}

static __always_inline u8 *ring_claim(struct ring_ctl *ctl, u32 cpu, u32 len, u8 hook, u32 *ret_seq)
{
	for (int i = 0; i < CLAIM_TRIES; i++) {
		u64 head = *(volatile u64 *)&ctl->head;
		u64 tail = *(volatile u64 *)&ctl->tail;
		u8 *ring;

		if (head + len - tail > (u64)cfg.ring_mask + 1)
			break;
		if (__sync_val_compare_and_swap(&ctl->head, head, head + len) != head)
			continue;
		ring = bpf_map_lookup_elem(&rings, &cpu);
		if (!ring)
			return NULL;
		*ret_seq = (u32)(head >> 3) + 1;
		return ring + (head & cfg.ring_mask);
	}
	__sync_fetch_and_add(&ctl->lost, 1);
	if (hook < HOOK_BPF_END)
		__sync_fetch_and_add(&ctl->lost_by[hook], 1);
	return NULL;
}

static __always_inline void rec_fill(struct rec *r, const struct event *e, struct ring_ctl *ctl)
{
	r->hook = e->hook;
	r->ts = bpf_ktime_get_ns();
	r->tid = e->tid;
	r->lost = (u32)ctl->lost;
	r->g = e->g;
	r->goid = e->goid;
	r->m = e->m;
	r->p = e->p;
	r->gstatus = e->gstatus;
	r->waitreason = e->waitreason;
	r->flags = e->flags;
	r->skip = e->skip;
	r->x = e->x;
	r->y = e->y;
}

static __always_inline void rec_commit(struct rec *r, u32 seq)
{
#if defined(__TARGET_ARCH_x86)
	/* Stores are seen in program order: only the compiler must be kept from moving them. */
	barrier();
	*(volatile u32 *)&r->seq = seq;
#else
	__sync_lock_test_and_set(&r->seq, seq);
#endif
}

/* A record without a stack. */
__noinline int emit(struct ring_ctl *ctl, struct event *e)
{
	u32 seq = 0;
	struct rec *r;

	if (!ctl || !e)
		return 0;
	r = (void *)ring_claim(ctl, e->cpu, REC_FIXED, e->hook, &seq);
	if (!r)
		return 0;
	rec_fill(r, e, ctl);
	r->len = REC_FIXED;
	r->npc = 0;
	rec_commit(r, seq);
	return 0;
}

/*
 * A record with the stack that e describes: pc0, pc1 if not 0, then the chain from fp. Most stacks
 * are short: up to REC_SHORT_PC frames are walked first and claim just their room; deeper ones
 * claim room for REC_MAX_PC and are walked on into it. want_text: room for text behind the pcs.
 */
__noinline int emit_stack(struct ring_ctl *ctl, struct event *e)
{
	u64 pcs[REC_SHORT_PC];
	u32 n = 0, room, seq = 0, max;
	struct rec *r;
	u64 fp;

	if (!ctl || !e)
		return 0;
	fp = e->fp;
	for (u32 i = 0; i < REC_SHORT_PC; i++) {
		u64 pc;

		if (i == 0)
			pc = e->pc0;
		else if (i == 1 && e->pc1)
			pc = e->pc1;
		else
			pc = stack_next(e, &fp);
		if (!pc)
			break;
		pcs[i] = pc;
		n = i + 1;
	}
	room = n;
	if (n == REC_SHORT_PC && fp)
		room = REC_MAX_PC;
	r = (void *)ring_claim(ctl, e->cpu, REC_FIXED + room * 8, e->hook, &seq);
	if (!r)
		return 0;
	for (u32 i = 0; i < REC_SHORT_PC; i++) {
		if (i >= n)
			break;
		*(volatile u64 *)&r->pcs[i] = pcs[i]; /* else clang makes it a memcpy call */
	}
	max = n;
	if (room == REC_MAX_PC) {
		for (u32 i = REC_SHORT_PC; i < REC_MAX_PC; i++) {
			u64 pc = stack_next(e, &fp);

			if (!pc)
				break;
			r->pcs[i] = pc;
			max = i + 1;
		}
		if (max == REC_MAX_PC && fp)
			e->flags |= REC_F_CUT;
	}
	rec_fill(r, e, ctl);
	r->len = (u16)(REC_FIXED + room * 8);
	r->npc = (u8)max;
	rec_commit(r, seq);
	return 0;
}

/* One string of the target: address and length, cut at `max`. */
struct text {
	u64 addr, len;
};

/* A user annotation: a record with one or two texts and a short stack. */
static __noinline int emit_text(struct ring_ctl *ctl, struct event *e, const struct text *t)
{
	u32 seq = 0, n = 0, key, msg;
	u64 fp = e->fp;
	char *dst;
	struct rec *r = (void *)ring_claim(ctl, e->cpu, REC_FIXED + REC_TEXT_PC * 8 + 2 * REC_TEXT_EACH,
					   e->hook, &seq);

	if (!r)
		return 0;
	for (u32 i = 0; i < REC_TEXT_PC; i++) {
		u64 pc = i == 0 ? e->pc0 : stack_next(e, &fp);

		if (!pc)
			break;
		r->pcs[i] = pc;
		n = i + 1;
	}
	dst = (char *)&r->pcs[REC_TEXT_PC];
	key = t[0].len > REC_TEXT_EACH ? REC_TEXT_EACH : (u32)t[0].len;
	msg = t[1].len > REC_TEXT_EACH ? REC_TEXT_EACH : (u32)t[1].len;
	if (key && bpf_probe_read_user(dst, key, (const void *)t[0].addr))
		key = 0;
	if (msg && bpf_probe_read_user(dst + REC_TEXT_EACH, msg, (const void *)t[1].addr))
		msg = 0;
	rec_fill(r, e, ctl);
	r->p = key | (u64)msg << 32; /* P is not needed here: the lengths of the two texts */
	r->len = REC_FIXED + REC_TEXT_PC * 8 + 2 * REC_TEXT_EACH;
	r->npc = (u8)n;
	rec_commit(r, seq);
	return 0;
}

#endif
