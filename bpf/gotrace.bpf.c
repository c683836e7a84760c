/*
 * gotrace.bpf.c - what runs in the target's threads at a probe.
 *
 * A hit reads a few words of g, m and p and the frame pointers, writes one record (record.h) into
 * this CPU's ring, and decides nothing: the model in user space gives it meaning. The hooks that are
 * hit most have programs of their own (hot.bpf.h), system calls those at the kernel's tracepoints
 * (syscall.bpf.h); all the others share one (on_other, rare.bpf.h). The link's cookie says which hook
 * was hit.
 *
 * Never: a return probe, a write to the target, a wake-up, a lock.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "include/record.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

char LICENSE[] SEC("license") = "GPL";

const volatile struct bpf_config cfg = {};

/*
 * Written by the loader: 0 before arming and after the end, another number each time it is armed. Own
 * pages: mmap()ed by the skeleton.
 */
__u32 armed = 0;
/* The link whose hits are taken (COOKIE_TURN_SHIFT). */
__u32 turn = 0;
/* Set when the target replaced itself: what runs under its number then is another program. */
__u32 execed = 0;
/*
 * Who is recorded: not in cfg, so that the same loaded programs can first run against a thread of our
 * own, which prices them (user/capture/price.h).
 */
__u64 who_dev = 0, who_ino = 0;
__u32 who_tgid = 0;
/* The target's number in the initial pid namespace, once a thread of it was seen; 0 with who_. */
__u32 who_global = 0;
/* PARK reads who it is, since no start tells (a plan without execute). */
__u32 name_parks = 0;
/* Wake-ups go without the waker's stack (the first step down of a budget). */
__u32 plain_wakes = 0;
/* Which entries of the goroutines' cache hold (gcache.bpf.h); 0: none. */
__u64 g_epoch = 0;
/* When the last HEAP record was made; racy by intent (two records instead of one do no harm). */
__u64 heap_ns = 0;

/* value_size and max_entries are set by the loader: ring bytes + REC_MAX_LEN, CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4096);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ring_ctl);
} ctls SEC(".maps");

/* A record in the making, and where its stack begins. */
struct event {
	u64 g, goid, m, p, x, y;
	u64 curg, stack;
	u64 pc0, pc1, fp, sp, stack_lo, stack_hi;
	u64 known_hi; /* where the stack ends as far as is known (C2), or 0: stack_hi is sure */
	u64 top; /* where the pc behind pc0 stands, below fp, or 0 */
	u32 gstatus, tid, cpu;
	u16 skip;
	u8 hook, waitreason, flags;
};

#include "bpf/target.bpf.h"
#include "bpf/goruntime.bpf.h"
#include "bpf/gcache.bpf.h"
#include "bpf/emit.bpf.h"
#include "bpf/stack.bpf.h"
#include "bpf/known.bpf.h"
#include "bpf/running.bpf.h"
#include "bpf/hot.bpf.h"
#include "bpf/tell.bpf.h"
#include "bpf/rare.bpf.h"
#include "bpf/syscall.bpf.h"

/* All but the hooks that have programs of their own. */
static __always_inline void on_other(struct pt_regs *ctx, u64 cookie)
{
	u64 arg0 = GO_ARG0(ctx), arg1 = GO_ARG1(ctx), g = GO_G(ctx);
	struct event e = {};

	/* Else clang selects between two addresses in ctx: "dereference of modified ctx ptr" (14). */
	barrier_var(arg0);
	barrier_var(arg1);
	if (!is_target(bpf_get_current_task_btf(), &e.tid))
		return;
	e.cpu = bpf_get_smp_processor_id();
	e.hook = (u8)cookie;
	e.g = arg0;

	switch (e.hook) {
	case HOOK_INJECT:
		on_inject(&e, ctx, arg0);
		break;
	case HOOK_GOSCHED:
		read_g_all(&e, e.g);
		if (cookie & COOKIE_GOSCHED)
			e.x = 1;
		else if (cookie & COOKIE_PREEMPTED)
			e.x = 2;
		else
			e.x = (arg1 & 0xff) ? 2 : 1;
		e.skip = (u16)cfg.gosched_skip;
		if (e.x == 2 && !(cookie & COOKIE_YIELD))
			stack_preempted(&e);
		emit_stack(&e);
		break;
	case HOOK_PREEMPT_PARK:
		read_g_all(&e, e.g);
		stack_preempted(&e);
		emit_stack(&e);
		break;
	case HOOK_EXIT:
		__emit(&e); /* the pointer says who */
		break;
	case HOOK_SYSCALL_ENTER:
	case HOOK_SYSCALL_BLOCK:
		e.g = g;
		/*
		 * Go 1.21 and 1.22 count frames for entersyscall, which has one more of its own:
		 * entersyscallblock's caller loses its caller.
		 */
		e.skip = e.hook == HOOK_SYSCALL_BLOCK && (cfg.go_minor == 21 || cfg.go_minor == 22)
				 ? 2
				 : 1;
		stack_here(&e, ctx, cookie);
		if (cookie & COOKIE_PC_AX) {
			e.pc0 = arg0;
			e.top = 0;
			if (cfg.go_minor >= 23)
				e.fp = GO_ARG2(ctx);
			else if (cfg.callback)
				e.skip = 4; /* the chain begins in the callback that ends: its way back to cgocall, too */
		}
		emit_heap(&e);
		emit_stack(&e);
		break;
	case HOOK_SYSCALL_EXIT:
		e.g = g;
		if (cfg.go_minor < 21)
			read_g_tail(&e, g); /* a foreign thread's first record has to name it */
		read_ticks(&e, g);
		emit(&e);
		break;
	default:
		on_rare(&e, ctx, cookie);
		break;
	}
}

/*
 * Whatever is hit passes here first: nothing is done that not all of them need, but for the look at
 * the flags where a start's cookie, which is at hand here, asks for it.
 */
SEC("uprobe.multi")
int on_hook(struct pt_regs *ctx)
{
	u64 cookie;

	if (!armed)
		return 0;
	cookie = bpf_get_attach_cookie(ctx);
	if (cookie >> COOKIE_TURN_SHIFT != turn)
		return 0;
	switch ((u8)cookie) {
	case HOOK_EXECUTE:
		if ((cookie & COOKIE_LOCKED_SKIP) && locked_to_thread(ctx)) {
			skipped_on(bpf_get_smp_processor_id());
			break;
		}
		bpf_tail_call_static(ctx, &hots, HOT_EXECUTE);
		break;
	case HOOK_PARK:
		if (cfg.gopark_pc)
			bpf_tail_call_static(ctx, &hots, HOT_PARK);
		else
			bpf_tail_call_static(ctx, &hots, HOT_PARK_TELL);
		break;
	case HOOK_READY:
		if (cfg.go_minor >= 21) /* behind_systemstack */
			bpf_tail_call_static(ctx, &hots, HOT_READY);
		else
			bpf_tail_call_static(ctx, &hots, HOT_WAKE_TELL);
		break;
	case HOOK_CREATE:
		if (cfg.go_minor >= 21)
			bpf_tail_call_static(ctx, &hots, HOT_CREATE);
		else
			bpf_tail_call_static(ctx, &hots, HOT_WAKE_TELL);
		break;
	default:
		on_other(ctx, cookie);
		break;
	}
	return 0;
}

/* Runs at every exec of the machine; all but the target's cost one comparison. */
SEC("raw_tp/sched_process_exec")
int on_exec(void *ctx)
{
	u32 tid;

	if (is_target(bpf_get_current_task_btf(), &tid)) {
		armed = 0;
		execed = 1;
	}
	return 0;
}
