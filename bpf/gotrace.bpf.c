/*
 * gotrace.bpf.c - what runs in the target's threads at a probe.
 *
 * One program for all sites (and two for the kernel's syscall tracepoints); the link's cookie says which hook was hit. It reads a few words of g,
 * m and p and the frame pointers, writes one record (record.h) into this CPU's ring, and decides
 * nothing: the model in user space gives it meaning.
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

/* Written by the loader: 0 before arming and after the end. Own pages: mmap()ed by the skeleton. */
__u32 armed = 0;
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
/* Wake-ups go without the waker's stack (the first step down of a budget). */
__u32 plain_wakes = 0;
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

/*
 * What stays the same for a thread of the target: saves the look-up of its number in a pid namespace
 * and some reads of its memory. Task storage is gone with the thread.
 */
struct thread {
	u64 g, m;	/* the m of this thread, found by this g */
	u64 sys_g, sys_goid; /* the goroutine whose syscall it is in */
	u32 tid;	/* as the target itself knows it; 0: not looked up */
	u8 sys;		/* enum thread_sys */
};

enum thread_sys { SYS_UNKNOWN, SYS_GO, SYS_OTHER };

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

/* A record in the making, and where its stack begins. */
struct event {
	u64 g, goid, m, p, x, y;
	u64 curg, stack;
	u64 pc0, pc1, fp, sp, stack_lo, stack_hi;
	u32 gstatus, tid, cpu;
	u16 skip;
	u8 hook, waitreason, flags;
};

#include "bpf/goruntime.bpf.h"
#include "bpf/emit.bpf.h"
#include "bpf/stack.bpf.h"

/* As is_target, by asking the kernel for the numbers in the target's pid namespace. */
static __always_inline bool is_target_ns(u32 *ret_tid)
{
	struct bpf_pidns_info ns = {};

	if (bpf_get_ns_current_pid_tgid(who_dev, who_ino, &ns, sizeof(ns)))
		return false;
	*ret_tid = ns.pid;
	return ns.tgid == who_tgid;
}

/*
 * True if the current thread belongs to the target; its tid as the target itself knows it, and what
 * is kept of it, NULL if there is no room just now (storage refuses a nested update).
 */
static __always_inline bool is_target(u32 *ret_tid, struct thread **ret_thread)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 global = who_global;
	struct thread *t;

	*ret_thread = NULL;
	if (!cfg.pidns_ino)
		global = who_tgid;
	if (global && (u32)(id >> 32) != global)
		return false;
	if (!global) {
		if (!is_target_ns(ret_tid))
			return false;
		who_global = (u32)(id >> 32);
	}
	t = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL,
				 BPF_LOCAL_STORAGE_GET_F_CREATE);
	*ret_thread = t;
	if (t && t->tid) {
		*ret_tid = t->tid;
		return true;
	}
	if (!cfg.pidns_ino)
		*ret_tid = (u32)id;
	else if (!is_target_ns(ret_tid))
		return false;
	if (t)
		t->tid = *ret_tid;
	return true;
}

/* The m of the thread whose g (the one that runs, or g0) this is. */
static __always_inline void know_m(struct event *e, struct thread *t, u64 g)
{
	if (t && t->g == g) {
		e->m = t->m;
		return;
	}
	e->m = read_u64(e, g + cfg.g_m);
	if (t) {
		t->m = e->m;
		t->g = g;
	}
}

/* The stack of the code that runs right here: return address, then the chain from the register. */
static __always_inline void stack_here(struct event *e, struct pt_regs *ctx,
				       u64 cookie)
{
	e->stack_lo = GO_SP(ctx);
	e->stack_hi = ~0ULL;
	e->fp = GO_FP(ctx);
	if (cookie & COOKIE_CALL) {
		e->pc0 = GO_IP(ctx) + GO_CALL_LEN;
		return;
	}
#if defined(__TARGET_ARCH_x86)
	e->pc0 = read_u64(e, GO_SP(ctx));
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

struct inject_ctx {
	struct event *e;
	u64 g;
};

static long inject_one(u64 i, struct inject_ctx *c)
{
	if (!c->g)
		return 1;
	c->e->g = c->g;
	emit_stack(c->e);
	c->g = read_u64(c->e, c->g + cfg.g_schedlink);
	return 0;
}

enum { INJECT_MAX = 1024 }; /* the poller returns at most 128 events, a P's queue holds 256 */

/*
 * The runtime gives these wake-ups the stack of whoever called: the goroutine that is on its own
 * stack (then injectglist itself is the leaf), or the one behind the system stack.
 */
static __always_inline void on_inject(struct event *e, struct pt_regs *ctx,
				      u64 list)
{
	struct inject_ctx c = { .e = e };

	c.g = read_u64(e, list);
	if (!c.g) {
		skipped(e);
		return;
	}
	read_m(e, GO_G(ctx), false);
	if (e->curg && e->curg == GO_G(ctx)) {
		stack_here(e, ctx, 0);
		e->pc1 = e->pc0;
		e->pc0 = cfg.inject_pc ? cfg.inject_pc : GO_IP(ctx) + 1;
	} else if (e->curg) {
		read_gobuf(e, e->curg);
		behind_systemstack(e);
	}
	bpf_loop(INJECT_MAX, inject_one, &c, 0);
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
 * A goroutine that was preempted at a function's entry has no frame yet: [sched.sp] is its caller.
 * From Go 1.21 to 1.24 the runtime's own tracer does not look there and loses that caller where it
 * yields; we show what it shows.
 */
static __always_inline void stack_preempted(struct event *e)
{
	if (!(e->flags & REC_F_ASYNC) &&
	    (cfg.go_minor >= 25 || cfg.go_minor < 21 || e->hook == HOOK_PREEMPT_PARK))
		e->pc1 = read_u64(e, e->sp);
}

/*
 * What a syscall's end says of its P. From 1.26 nothing needs to be read: whoever takes a P from a
 * syscall is seen doing it. Before, the ticks tell (go-runtime.md 4.2).
 */
static __always_inline void read_ticks(struct event *e, u64 g)
{
	char b[P_BLOCK];
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

/*
 * The P's worker mode labels a GC worker's run. Workers are known by the reason they parked with,
 * which stays in their g: so nobody else pays for the look.
 */
static __always_inline void on_execute(struct event *e, u64 g0, u64 cookie)
{
	u32 mode = 0;

	read_g_tail(e, e->g);
	if ((cookie & COOKIE_LOCKED_SKIP) && (e->flags & REC_F_LOCKED)) {
		skipped(e);
		return;
	}
	if (cfg.gcworker[0] == 255 || e->waitreason == cfg.gcworker[0] ||
	    e->waitreason == cfg.gcworker[1]) {
		read_m(e, g0, false);
		/* an int, but its values fit a byte */
		if (e->p)
			bpf_probe_read_user(&mode, sizeof(mode),
					    (const void *)(e->p + cfg.p_gcMarkWorkerMode));
		e->x = mode;
	}
	emit(e);
	emit_heap(e);
}

static __always_inline void on_create(struct event *e, u64 g0, u64 newg)
{
	e->g = newg;
	read_m(e, g0, false);
	if (read_g_new(e, newg))
		return;
	if (e->curg) {
		read_gobuf(e, e->curg);
		behind_systemstack(e);
	}
	e->skip = 2;
	emit_stack(e);
}

static __always_inline void on_coroswitch(struct event *e, u64 g0)
{
	u64 coro;

	read_g_tail(e, e->g);
	read_m(e, g0, false);
	coro = read_u64(e, e->g + cfg.g_coroarg);
	if (coro)
		e->x = read_u64(e, coro); /* coro.gp is its first word */
	if (e->x)
		e->y = read_u64(e, e->x + cfg.g_goid);
	emit(e);
}

/* An event of the goroutine whose thread this is, told on the system stack. */
__noinline int on_curg(struct event *e, u64 g0, u32 skip, bool stack)
{
	if (!e)
		return 0;
	read_m(e, g0, false);
	e->g = e->curg;
	if (e->g)
		read_g_all(e, e->g);
	e->skip = (u16)skip;
	if (stack) {
		behind_systemstack(e);
		emit_stack(e);
	} else {
		emit(e);
	}
	return 0;
}

static __always_inline void on_annotation(struct event *e, struct pt_regs *ctx, u64 cookie)
{
	struct texts t = {};

	e->g = GO_G(ctx);
	read_g_tail(e, e->g);
	e->x = GO_ARG0(ctx);
	e->skip = e->hook == HOOK_TASK_END ? 0 : 1;
	if (e->hook == HOOK_LOG) {
		t = (struct texts){ GO_ARG1(ctx), GO_ARG2(ctx), GO_ARG3(ctx), GO_ARG4(ctx) };
	} else if (e->hook != HOOK_TASK_END) {
		e->y = GO_ARG1(ctx);
		t.key = GO_ARG2(ctx);
		t.key_len = GO_ARG3(ctx);
	}
	stack_here(e, ctx, cookie);
	emit_text(e, &t);
}

/* Rare hooks, apart from the hot ones. */
static __always_inline void on_rare(struct event *e, struct pt_regs *ctx, u64 cookie)
{
	u64 g = GO_G(ctx);

	switch (e->hook) {
	case HOOK_SYSCALL_NOP:
	case HOOK_STARTLOCKEDM:
		read_g_tail(e, e->g);
		read_m(e, g, false);
		emit(e);
		break;
	case HOOK_ASSIST_END:
	case HOOK_DROPM:
		on_curg(e, g, 0, false);
		break;
	case HOOK_GC_END:
	case HOOK_STW_START:
		on_curg(e, g, 0, false);
		heap_ns = 0; /* a cycle's end and a restart are moments that the heap's graph needs */
		emit_heap(e);
		break;
	case HOOK_STW_BEGIN:
		e->x = e->g;
		on_curg(e, g, 2, true);
		break;
	case HOOK_PROCRESIZE:
		e->x = (u32)e->g;
		on_curg(e, g, 1, true);
		break;
	case HOOK_ASSIST_BEGIN:
		emit_heap(e); /* who allocates most is seen here most */
		on_curg(e, g, 1, true);
		break;
	case HOOK_ASSIST_PARK:
		e->g = g;
		read_g_tail(e, g);
		read_m(e, g, false);
		emit(e);
		break;
	case HOOK_COROSWITCH:
		on_coroswitch(e, g);
		break;
	case HOOK_ACQUIRE:
	case HOOK_HANDOFF:
		e->p = e->g;
		e->g = 0;
		if (e->hook == HOOK_ACQUIRE)
			e->x = (u32)read_u64(e, e->p); /* p.id, an int32, is the first field */
		emit(e);
		break;
	case HOOK_RELEASE:
	case HOOK_GCWAIT:
		read_m(e, g, e->hook == HOOK_GCWAIT && cfg.go_minor < 26);
		e->g = e->curg;
		emit(e);
		break;
	case HOOK_STEAL:
		e->p = GO_ARG2(ctx);
		e->x = GO_ARG1(ctx);
		emit(e);
		break;
	case HOOK_NEEDM:
		if (cfg.go_minor >= 21) {
			on_curg(e, g, 0, false);
			break;
		}
		/* No argument yet that tells signal handlers; x stays 0. */
		e->g = 0;
		emit(e);
		break;
	case HOOK_CALL:
		e->x = cookie >> COOKIE_CALL_SHIFT;
		e->g = g;
		read_g_tail(e, g);
		read_m(e, g, false);
		stack_here(e, ctx, cookie);
		emit_stack(e);
		break;
	case HOOK_GC_BEGIN:
		e->g = g;
		read_g_tail(e, g);
		read_m(e, g, false);
		e->skip = 1;
		stack_here(e, ctx, cookie);
		emit_stack(e);
		break;
	case HOOK_TASK_BEGIN:
	case HOOK_TASK_END:
	case HOOK_REGION:
	case HOOK_LOG:
		on_annotation(e, ctx, cookie);
		break;
	}
}

#if defined(__TARGET_ARCH_x86)
/*
 * The goroutine whose syscall this is (go-runtime.md 3.7): the g in the thread's local storage, if
 * its status is "in a syscall" - the runtime's own calls run on g0, which never has it. Fills
 * identity and stack bounds.
 */
static __always_inline bool go_syscall(struct event *e)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 fs = task->thread.fsbase;
	char b[G_SYS];

	if (!fs || bpf_probe_read_user(&e->g, sizeof(e->g), (const void *)(fs + cfg.tls_g)) || !e->g)
		return false;
	if (bpf_probe_read_user(b, sizeof(b), (const void *)e->g)) {
		fault(e);
		return false;
	}
	e->gstatus = *(u32 *)(b + cfg.g_atomicstatus);
	if ((e->gstatus & 0xfff) != GO_SYSCALL)
		return false;
	e->m = word(b, cfg.g_m);
	e->goid = word(b, cfg.g_atomicstatus + 8);
	e->stack_lo = word(b, 0);
	e->stack_hi = word(b, 8);
	e->pc0 = word(b, cfg.g_syscallpc);
	if (cfg.g_syscallbp != GO_NONE)
		e->fp = word(b, cfg.g_syscallbp);
	return true;
}

/*
 * NR_UPROBE: how a patched five-byte nop enters the kernel; each hit of one passes here, too.
 * NR_SCHED_YIELD: how casgstatus waits for the collector to let go of a goroutine that returns from a
 * syscall: still in that state, though the call is not its own.
 */
enum { NR_RT_SIGRETURN = 15, NR_SCHED_YIELD = 24, NR_FUTEX = 202, NR_UPROBE = 336 };

/* Those that are never a goroutine's own, but for sched_yield in theory. */
static __always_inline bool never_own(u64 nr)
{
	return nr == NR_UPROBE || nr == NR_FUTEX || nr == NR_SCHED_YIELD;
}

SEC("tp_btf/sys_enter")
int on_sys_enter(u64 *ctx)
{
	struct event e = { .hook = HOOK_SYSCALL_ENTER };
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	struct thread *t;
	u64 nr = ctx[1];

	if (!armed || never_own(nr) || nr == NR_RT_SIGRETURN || !is_target(&e.tid, &t))
		return 0;
	e.cpu = bpf_get_smp_processor_id();
	if (!go_syscall(&e)) {
		if (t)
			t->sys = SYS_OTHER;
		passed(&e);
		return 0;
	}
	if (t) {
		t->sys_g = e.g;
		t->sys_goid = e.goid;
		t->g = e.g;
		t->m = e.m;
		t->sys = SYS_GO;
	}
	if (cfg.g_syscallbp == GO_NONE) {
		/* The chain from here passes the function that called entersyscall. */
		e.pc0 = 0;
		e.fp = regs->bp;
	}
	e.skip = 1;
	traced(&e);
	emit_heap(&e);
	emit_stack(&e);
	return 0;
}

SEC("tp_btf/sys_exit")
int on_sys_exit(u64 *ctx)
{
	struct event e = { .hook = HOOK_SYSCALL_EXIT };
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	s64 result = (s64)ctx[1];
	u64 nr = regs->orig_ax;
	struct thread *t;
	u8 sys;

	if (!armed || never_own(nr) || nr == ~0ULL || /* -1: rt_sigreturn */
	    !is_target(&e.tid, &t))
		return 0;
	e.cpu = bpf_get_smp_processor_id();
	sys = t ? t->sys : SYS_UNKNOWN;
	if (t)
		t->sys = SYS_UNKNOWN;
	if (t && sys == SYS_GO) {
		e.g = t->sys_g;
		e.goid = t->sys_goid;
		e.m = t->m;
		e.gstatus = GO_SYSCALL;
	} else if (sys == SYS_OTHER || !go_syscall(&e)) {
		passed(&e);
		return 0;
	}
	if (result <= -512 && result >= -516) /* ERESTARTSYS ... ERESTART_RESTARTBLOCK */
		e.flags |= REC_F_RESTART;
	traced(&e);
	read_ticks(&e, e.g);
	emit(&e);
	return 0;
}
#endif

SEC("uprobe.multi")
int on_hook(struct pt_regs *ctx)
{
	struct event e = {};
	u64 cookie, arg0 = GO_ARG0(ctx), arg1 = GO_ARG1(ctx), g;
	struct thread *t;

	/* Else clang selects between two addresses in ctx: "dereference of modified ctx ptr" (14). */
	barrier_var(arg0);
	barrier_var(arg1);
	if (!is_target(&e.tid, &t) || !armed)
		return 0;
	e.cpu = bpf_get_smp_processor_id();
	cookie = bpf_get_attach_cookie(ctx);
	e.hook = (u8)cookie;
	e.g = arg0;
	g = GO_G(ctx);

	switch (e.hook) {
	case HOOK_EXECUTE:
		on_execute(&e, g, cookie);
		break;
	case HOOK_PARK:
		emit_heap(&e);
		read_g_all(&e, e.g);
		read_wait_trace(&e);
		emit_stack(&e);
		break;
	case HOOK_READY:
		know_m(&e, t, g);
		read_m(&e, g, false);
		e.x = e.curg;
		e.skip = (u16)arg1;
		if (plain_wakes) {
			emit(&e);
			break;
		}
		if (e.curg) {
			read_gobuf(&e, e.curg);
			behind_systemstack(&e);
		}
		emit_stack(&e);
		break;
	case HOOK_INJECT:
		on_inject(&e, ctx, arg0);
		break;
	case HOOK_CREATE:
		know_m(&e, t, g);
		on_create(&e, g, cookie & COOKIE_NEWG_RAX ? arg0 : arg1);
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
		emit(&e); /* the pointer says who */
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
			if (cfg.go_minor >= 23)
				e.fp = GO_ARG2(ctx);
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
	return 0;
}

/* Runs at every exec of the machine; all but the target's cost one comparison. */
SEC("raw_tp/sched_process_exec")
int on_exec(void *ctx)
{
	struct thread *t;
	u32 tid;

	if (is_target(&tid, &t)) {
		armed = 0;
		execed = 1;
	}
	return 0;
}
