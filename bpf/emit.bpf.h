/*
 * emit.bpf.h - one record into this CPU's ring.
 *
 * The ring is a value of an mmap()ed array map, hand-made instead of a BPF ring buffer: no lock and
 * no helper call per record (docs/overhead.md has the measurement). Programs on uprobes can be
 * preempted, and another thread can then run the same program on the same CPU, so
 *
 * E1  room is claimed by compare-and-swap on head; a claim belongs to one program run;
 * E2  the time is taken after the claim (R3), the commit word is written last (R2);
 * E3  no scratch memory is shared: all is on the program's stack, in claimed room, or in a scratch
 *     slot that one run owns while it is busy (stack.bpf.h);
 * E4  a record never wraps: a value has REC_MAX_LEN bytes of room behind the ring's end.
 */
#ifndef EMIT_BPF_H
#define EMIT_BPF_H

enum {
	CLAIM_TRIES = 8, /* each failure means that another thread preempted us in between */
	REC_FIXED = sizeof(struct rec),
};

static __always_inline u8 *ring_claim(struct ring_ctl *ctl, u32 cpu, u32 len, u8 hook, u32 *ret_seq)
{
	u64 by;

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
	by = hook;
	barrier_var(by); /* one register for the check and the use */
	if (by < HOOK_BPF_END)
		__sync_fetch_and_add(&ctl->lost_by[by], 1);
	return NULL;
}

/* All but len, npc and the commit word. */
static __always_inline void rec_fill(struct rec *r, const struct event *e, struct ring_ctl *ctl)
{
	u64 ts = bpf_ktime_get_ns();

	r->hook = e->hook;
	r->ts = ts;
	ctl->last_ts = ts;
	r->tid = e->tid;
	r->lost = (u32)ctl->lost;
	r->g = e->g;
	r->goid = e->goid;
	r->stack = e->stack;
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

/* A record without pcs. */
static __always_inline void __emit(const struct event *e)
{
	struct ring_ctl *ctl = ctl_of(e->cpu);
	struct rec *r;
	u32 seq = 0;

	if (!ctl)
		return;
	r = (void *)ring_claim(ctl, e->cpu, REC_FIXED, e->hook, &seq);
	if (!r)
		return;
	rec_fill(r, e, ctl);
	r->len = REC_FIXED;
	r->npc = 0;
	rec_commit(r, seq);
}

__noinline int emit(struct event *e)
{
	if (e)
		__emit(e);
	return 0;
}

/*
 * A heap sample is due, as near as this CPU's last record tells the time: which is in the past where
 * another one had the last sample, and stands still while this CPU's ring is full.
 */
static __always_inline bool heap_due(u32 cpu)
{
	struct ring_ctl *ctl;

	if (!cfg.gccontroller)
		return false;
	ctl = ctl_of(cpu);
	return ctl && (__s64)(ctl->last_ts - heap_ns) >= (__s64)cfg.heap_period_ns;
}

/* A heap sample, at most one in heap_period_ns. */
__noinline int emit_heap(struct event *e)
{
	struct ring_ctl *ctl;
	struct rec *r;
	u32 seq = 0;
	u8 hook;

	if (!e || !heap_due(e->cpu))
		return 0;
	ctl = ctl_of(e->cpu);
	if (!ctl)
		return 0;
	heap_ns = ctl->last_ts;
	r = (void *)ring_claim(ctl, e->cpu, REC_FIXED + REC_GCC_WORDS * 8, HOOK_HEAP, &seq);
	if (!r)
		return 0;
	hook = e->hook;
	e->hook = HOOK_HEAP;
	rec_fill(r, e, ctl);
	e->hook = hook;
	r->stack = 0;
	r->npc = REC_GCC_WORDS;
	if (bpf_probe_read_user(r->pcs, REC_GCC_WORDS * 8, (const void *)cfg.gccontroller)) {
		ctl->faults++;
		r->npc = 0;
	}
	r->len = REC_FIXED + REC_GCC_WORDS * 8;
	rec_commit(r, seq);
	return 0;
}

/* The same where it is seldom due. A copy of e goes into the call: e itself stays in registers. */
static __always_inline void __emit_heap(const struct event *e)
{
	if (heap_due(e->cpu)) {
		struct event heap = *e;

		emit_heap(&heap);
	}
}

#endif
