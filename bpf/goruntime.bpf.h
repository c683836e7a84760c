/*
 * goruntime.bpf.h - the Go side as a probe sees it: registers, and the few reads of g, m and p.
 *
 * Every read is bounded and its result checked; a failed one is counted (ring_ctl.faults) and
 * leaves zeroes. Blocks are read whole: a read costs the same for 8 bytes and for 200.
 *
 * Reads are global functions: those the verifier judges once, not again at each call, and the block
 * lies in their frame, so that a chain of calls stays below the 512 bytes that kernels up to 6.12 allow
 * to all its frames. The programs of hot.bpf.h read by themselves and take what they want (take_).
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
	GO_NONE = 0xffff, /* golayout.h: GOLAYOUT_NONE */
	G_HEAD = 112,	  /* stack bounds, m, sched up to bp */
	G_TAIL = 80,	  /* atomicstatus up to syncSafePoint */
	G_ALL = 232,	  /* both */
	G_NEW = 176,	  /* atomicstatus up to startpc */
	G_NEW_ALL = 320,  /* stack bounds up to startpc */
	G_SYS = 168,	  /* stack bounds up to goid */
	M_BLOCK = 48,	  /* curg up to oldp */
	P_BLOCK = 24,	  /* id, status, ticks */
};

/* Words are taken out of blocks on the program's stack: the verifier wants them aligned. */
#define BLOCK_ALIGNED __attribute__((aligned(8)))

static __always_inline u64 word(const void *block, u32 off)
{
	return *(const u64 *)((const char *)block + off);
}

/* The slot of a structure's address in a table of 1 << bits. */
static __always_inline u32 addr_slot(u64 addr, u32 bits)
{
	return (u32)((addr * 0x9e3779b97f4a7c15ULL) >> (64 - bits));
}

/*
 * This CPU's ring, NULL never but for the verifier. By a copy of the number: an event whose address a
 * helper gets has to lie in memory with all its fields.
 */
static __always_inline struct ring_ctl *ctl_of(u32 cpu)
{
	return bpf_map_lookup_elem(&ctls, &cpu);
}

static __always_inline void fault_on(u32 cpu)
{
	struct ring_ctl *ctl = ctl_of(cpu);

	if (ctl)
		ctl->faults++;
}

static __always_inline void fault(struct event *e)
{
	fault_on(e->cpu);
}

static __always_inline void skipped_on(u32 cpu)
{
	struct ring_ctl *ctl = ctl_of(cpu);

	if (ctl)
		ctl->skipped++;
}

static __always_inline void skipped(struct event *e)
{
	skipped_on(e->cpu);
}

static __always_inline void passed(struct event *e)
{
	struct ring_ctl *ctl = ctl_of(e->cpu);

	if (ctl)
		ctl->passed++;
}

static __always_inline void traced(struct event *e)
{
	struct ring_ctl *ctl = ctl_of(e->cpu);

	if (ctl)
		ctl->traced++;
}

static __always_inline u64 read_u64(struct event *e, u64 addr)
{
	u64 v = 0;

	if (bpf_probe_read_user(&v, sizeof(v), (const void *)addr)) {
		fault(e);
		return 0;
	}
	return v;
}

/* From a block that begins at g.atomicstatus: goid, status, wait reason, flags. */
static __always_inline void take_g_tail(struct event *e, const char *b)
{
	u8 flags = 0;

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
	e->flags |= flags;
}

static __always_inline void take_gobuf(struct event *e, const char *b)
{
	e->stack_lo = word(b, 0);
	e->stack_hi = word(b, 8);
	e->pc0 = word(b, cfg.g_sched_pc);
	e->fp = word(b, cfg.g_sched_bp);
	e->sp = word(b, cfg.g_sched_sp);
}

/* The goroutine's identity and state. */
__noinline int read_g_tail(struct event *e, u64 g)
{
	char b[G_TAIL] BLOCK_ALIGNED;

	if (!e)
		return 0;
	if (bpf_probe_read_user(b, sizeof(b), (const void *)(g + cfg.g_atomicstatus)))
		fault(e);
	else
		take_g_tail(e, b);
	return 0;
}

/* All of a stopped goroutine g: identity, state, gobuf, stack bounds, and its m. */
__noinline int read_g_all(struct event *e, u64 g)
{
	char b[G_ALL] BLOCK_ALIGNED;

	if (!e)
		return 0;
	if (bpf_probe_read_user(b, sizeof(b), (const void *)g)) {
		fault(e);
		return 0;
	}
	e->m = word(b, cfg.g_m);
	take_gobuf(e, b);
	take_g_tail(e, b + cfg.g_atomicstatus);
	return 0;
}

/* Of a new goroutine, from a block that begins at g.atomicstatus: identity, state, entry, parent. */
static __always_inline void take_g_new(struct event *e, const char *b)
{
	e->gstatus = *(u32 *)b;
	e->goid = word(b, 8);
	e->x = word(b, (u32)(cfg.g_startpc - cfg.g_atomicstatus));
	if (cfg.g_parentGoid != GO_NONE)
		e->y = word(b, (u32)(cfg.g_parentGoid - cfg.g_atomicstatus));
}

/* A new goroutine. 0: it cannot be read. */
__noinline int read_g_new(struct event *e, u64 g)
{
	char b[G_NEW] BLOCK_ALIGNED;

	if (!e)
		return 0;
	if (bpf_probe_read_user(b, sizeof(b), (const void *)(g + cfg.g_atomicstatus))) {
		fault(e);
		return 0;
	}
	take_g_new(e, b);
	return 1;
}

/* Where a stopped goroutine's stack begins: its gobuf and bounds. */
__noinline int read_gobuf(struct event *e, u64 g)
{
	char b[G_HEAD] BLOCK_ALIGNED;

	if (!e)
		return 0;
	if (bpf_probe_read_user(b, sizeof(b), (const void *)g)) {
		fault(e);
		return 0;
	}
	take_gobuf(e, b);
	return 0;
}

/*
 * curg and p of the m of g (the thread's own: R14); with_oldp takes m.oldp for p where a syscall
 * leaves m.p empty (up to 1.25).
 */
__noinline int read_m(struct event *e, u64 g, bool with_oldp)
{
	char b[M_BLOCK] BLOCK_ALIGNED;

	if (!e)
		return 0;
	if (!e->m)
		e->m = read_u64(e, g + cfg.g_m);
	if (bpf_probe_read_user(b, sizeof(b), (const void *)(e->m + cfg.m_curg))) {
		fault(e);
		return 0;
	}
	e->curg = word(b, 0);
	if (with_oldp)
		e->p = word(b, (u32)(cfg.m_oldp - cfg.m_curg));
	else
		e->p = word(b, (u32)(cfg.m_p - cfg.m_curg));
	return 0;
}

/* The stack of the code that runs right here: return address, then the chain from the register. */
static __always_inline void stack_here(struct event *e, struct pt_regs *ctx, u64 cookie)
{
	e->stack_lo = GO_SP(ctx);
	e->stack_hi = ~0ULL;
	e->fp = GO_FP(ctx);
	if (cookie & COOKIE_CALL) {
		e->pc0 = GO_IP(ctx) + GO_CALL_LEN;
		return;
	}
#if defined(__TARGET_ARCH_x86)
	e->top = GO_SP(ctx);
#else
	e->pc0 = ctx->regs[30];
#endif
}

/*
 * The goroutine's own stack while its thread is on the system stack. Up to Go 1.20 systemstack has no
 * frame, so the chain of frames begins one too late: its caller is where sched.sp points.
 */
static __always_inline void behind_systemstack(struct event *e)
{
	if (cfg.go_minor < 21)
		e->pc1 = read_u64(e, e->sp);
}

/* waitTraceSkip and waitTraceBlockReason lie side by side; which comes first differs by version. */
static __always_inline void read_wait_trace(struct event *e)
{
	u64 b[2];
	u32 lo = cfg.m_waitTraceSkip < cfg.m_waitTraceBlockReason ? cfg.m_waitTraceSkip
								  : cfg.m_waitTraceBlockReason;

	if (cfg.m_waitTraceSkip == GO_NONE)
		return;
	if (bpf_probe_read_user(b, sizeof(b), (const void *)(e->m + lo))) {
		fault(e);
		return;
	}
	e->skip = (u16)b[cfg.m_waitTraceSkip == lo ? 0 : 1];
	e->x = (u8)b[cfg.m_waitTraceSkip == lo ? 1 : 0];
}

/*
 * Does the runtime's own tracer show the caller of a function preempted at its entry? Up to Go 1.20 it
 * unwinds by tables, from 1.25 it looks at [sched.sp] (traceStack, g.syncSafePoint). Between, it goes by
 * frame pointers alone, but for an m with C below (hasCgoOnStack in runtime/proc.go).
 */
static __always_inline bool shows_caller(struct event *e)
{
	u32 ncgo = 0;
	u8 isextra = 0;

	if (cfg.go_minor >= 25 || cfg.go_minor < 21)
		return true;
	if (bpf_probe_read_user(&ncgo, sizeof(ncgo), (const void *)(e->m + cfg.m_ncgo)) ||
	    bpf_probe_read_user(&isextra, sizeof(isextra), (const void *)(e->m + cfg.m_isextra)))
		fault(e);
	return ncgo || isextra;
}

/*
 * A goroutine that was preempted at a function's entry has no frame yet: [sched.sp] is its caller.
 * A walk by frame pointers loses it, and so does the runtime's where it yields; we show what it shows.
 */
static __always_inline void stack_preempted(struct event *e)
{
	if (!(e->flags & REC_F_ASYNC) && (e->hook == HOOK_PREEMPT_PARK || shows_caller(e)))
		e->pc1 = read_u64(e, e->sp);
}

/*
 * What a syscall's end says of its P. From 1.26 nothing needs to be read: whoever takes a P from a
 * syscall is seen doing it. Before, the ticks tell (go-runtime.md 4.2).
 */
static __always_inline void read_ticks(struct event *e, u64 g)
{
	char b[P_BLOCK] BLOCK_ALIGNED;
	u32 mtick = 0;

	if (cfg.go_minor >= 26)
		return;
	read_m(e, g, true);
	bpf_probe_read_user(&mtick, sizeof(mtick), (const void *)(e->m + cfg.m_syscalltick));
	if (e->p && !bpf_probe_read_user(b, sizeof(b), (const void *)e->p)) {
		e->x = *(u32 *)(b + cfg.p_syscalltick);
		e->y = *(u32 *)(b + cfg.p_status);
	}
	e->x |= (u64)mtick << 32;
}

#endif
