/*
 * goruntime.bpf.h - the Go side as a probe sees it: registers, and the few reads of g, m and p.
 *
 * Every read is bounded and its result checked; a failed one is counted (ring_ctl.faults) and
 * leaves zeroes. Blocks are read whole: a read costs the same for 8 bytes and for 80.
 */
#ifndef GORUNTIME_BPF_H
#define GORUNTIME_BPF_H

/* Go's register ABI (Go 1.17 on, cmd/compile/abi-internal.md). */
#if defined(__TARGET_ARCH_x86)
#define GO_ARG0(c) ((c)->ax)
#define GO_ARG1(c) ((c)->bx)
#define GO_ARG2(c) ((c)->cx)
#define GO_ARG3(c) ((c)->di)
#define GO_ARG4(c) ((c)->si)
#define GO_G(c) ((c)->r14)
#define GO_FP(c) ((c)->bp)
#define GO_SP(c) ((c)->sp)
#define GO_IP(c) ((c)->ip)
enum { GO_CALL_LEN = 5 };
#else
#define GO_ARG0(c) ((c)->regs[0])
#define GO_ARG1(c) ((c)->regs[1])
#define GO_ARG2(c) ((c)->regs[2])
#define GO_ARG3(c) ((c)->regs[3])
#define GO_ARG4(c) ((c)->regs[4])
#define GO_G(c) ((c)->regs[28])
#define GO_FP(c) ((c)->regs[29])
#define GO_SP(c) ((c)->sp)
#define GO_IP(c) ((c)->pc)
enum { GO_CALL_LEN = 4 };
#endif

enum {
	GO_NONE = 0xffff,	/* golayout.h: GOLAYOUT_NONE */
	G_HEAD = 112,		/* stack bounds, m, sched up to bp */
	G_TAIL = 80,		/* atomicstatus up to syncSafePoint */
	M_BLOCK = 48,		/* curg up to oldp */
	P_BLOCK = 24,		/* id, status, ticks */
};

/*
 * Functions without `static` are verified once, on their own, for whatever they may be given (kernel
 * 5.12); static ones again at each call: that took the verifier a second.
 */
static __always_inline u64 word(const void *block, u32 off)
{
	return *(const u64 *)((const char *)block + off);
}

static __always_inline u64 read_u64(struct ring_ctl *ctl, u64 addr)
{
	u64 v = 0;

	if (bpf_probe_read_user(&v, sizeof(v), (const void *)addr)) {
		ctl->faults++;
		return 0;
	}
	return v;
}

/* The goroutine's identity and state: goid, status, wait reason, flags. */
__noinline int read_g_tail(struct ring_ctl *ctl, struct event *e, u64 g)
{
	char b[G_TAIL];
	u8 flags = 0;

	if (!ctl || !e)
		return -1;
	if (bpf_probe_read_user(b, sizeof(b), (const void *)(g + cfg.g_atomicstatus))) {
		ctl->faults++;
		return -1;
	}
#define TAIL(f) ((u32)(cfg.g_##f - cfg.g_atomicstatus))
	e->gstatus = *(u32 *)b;
	e->goid = word(b, 8); /* goid follows the status in every version */
	e->waitreason = *(u8 *)(b + TAIL(waitreason));
	if (*(u8 *)(b + TAIL(asyncSafePoint)))
		flags |= REC_F_ASYNC;
	if (cfg.g_inMarkAssist != GO_NONE && *(u8 *)(b + TAIL(inMarkAssist)))
		flags |= REC_F_ASSIST;
	if (cfg.g_coroexit != GO_NONE && *(u8 *)(b + TAIL(coroexit)))
		flags |= REC_F_COROEXIT;
	if (cfg.g_syncSafePoint != GO_NONE && *(u8 *)(b + TAIL(syncSafePoint)))
		flags |= REC_F_SYNC;
	if (cfg.go_minor >= 21 && word(b, TAIL(lockedm)))
		flags |= REC_F_LOCKED;
#undef TAIL
	e->flags |= flags;
	return 0;
}

/* curg and p of an m; with_oldp takes m.oldp for p where a syscall leaves m.p empty (up to 1.25). */
__noinline int read_m(struct ring_ctl *ctl, struct event *e, bool with_oldp)
{
	char b[M_BLOCK];

	if (!ctl || !e)
		return -1;
	if (bpf_probe_read_user(b, sizeof(b), (const void *)(e->m + cfg.m_curg))) {
		ctl->faults++;
		return -1;
	}
	e->curg = word(b, 0);
	if (with_oldp)
		e->p = word(b, (u32)(cfg.m_oldp - cfg.m_curg));
	else
		e->p = word(b, (u32)(cfg.m_p - cfg.m_curg));
	return 0;
}

/* Where a stopped goroutine's stack begins: its gobuf and bounds. */
__noinline int read_gobuf(struct ring_ctl *ctl, struct event *e, u64 g)
{
	char b[G_HEAD];

	if (!ctl || !e)
		return -1;
	if (bpf_probe_read_user(b, sizeof(b), (const void *)g)) {
		ctl->faults++;
		return -1;
	}
	e->stack_lo = word(b, 0);
	e->stack_hi = word(b, 8);
	e->pc0 = word(b, cfg.g_sched_pc);
	e->fp = word(b, cfg.g_sched_bp);
	e->sp = word(b, cfg.g_sched_sp);
	return 0;
}

#endif
