/*
 * syscall.bpf.h - system calls, seen by the kernel's own tracepoints.
 */
#ifndef SYSCALL_BPF_H
#define SYSCALL_BPF_H

#if defined(__TARGET_ARCH_x86)
/* What is kept with a thread from a system call's begin to its end. Gone with the thread. */
struct thread {
	u64 g, goid, m; /* SYS_GO: the goroutine whose system call it is in, and its m */
	u32 armed;	/* when that was: nothing outlives a pause */
	u8 sys;		/* enum thread_sys */
};

enum thread_sys { SYS_UNKNOWN, SYS_GO, SYS_OTHER };

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

/* NULL if there is no room just now: storage refuses a nested update. */
static __always_inline struct thread *thread_of(struct task_struct *task)
{
	return bpf_task_storage_get(&threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* Identity and stack bounds from a block that begins at g; false: not in a syscall. */
static __always_inline bool take_g_sys(struct event *e, const char *b)
{
	e->gstatus = *(u32 *)(b + cfg.g_atomicstatus);
	if (GST_OF(e->gstatus) != GST_SYSCALL)
		return false;
	e->m = word(b, cfg.g_m);
	e->goid = word(b, cfg.g_atomicstatus + 8);
	e->stack_lo = word(b, 0);
	e->stack_hi = word(b, 8);
	e->pc0 = word(b, cfg.g_syscallpc);
	if (cfg.g_syscallbp != GO_NONE)
		e->fp = word(b, cfg.g_syscallbp);
	if (e->goid)
		gcache_put(e->g, e->goid, e->stack_lo, e->stack_hi);
	return true;
}

/*
 * The goroutine whose syscall this is (docs/go-runtime.md 1.4): if its status is "in a syscall" - the
 * runtime's own calls run on g0, which never has it. In Go code R14 holds the g: what is there is
 * taken for one if its first two words hold the stack that we are on. Else (C code, code before
 * the register is set up) the one in the thread's local storage is asked. 0: none.
 */
__noinline int go_syscall(struct event *e, u64 fs, u64 r14, u64 sp)
{
	char b[G_SYS] BLOCK_ALIGNED;

	if (!e)
		return 0;
	e->g = r14;
	if (e->g && !bpf_probe_read_user(b, sizeof(b), (const void *)e->g) && word(b, 0) < sp &&
	    sp <= word(b, 8))
		return take_g_sys(e, b);
	if (!fs || bpf_probe_read_user(&e->g, sizeof(e->g), (const void *)(fs + cfg.tls_g)) ||
	    !e->g)
		return 0;
	if (bpf_probe_read_user(b, sizeof(b), (const void *)e->g)) {
		fault(e);
		return 0;
	}
	return take_g_sys(e, b);
}

/*
 * The same without a look at the goroutine, if it is in the cache and the stack shows that it is in
 * syscall.Syscall or Syscall6, between entersyscall and exitsyscall: there RawSyscall6's frame, which
 * is where the register points in its assembly, returns to. The hash of that stack; 0: it is not so, or
 * the stack was not told.
 */
static __always_inline u64 go_syscall_known(const struct pt_regs *regs)
{
	char b[KNOWN_WINDOW] BLOCK_ALIGNED;
	struct known_window w = { .b = b };
	struct event e = { .g = regs->r14 };
	struct known_chain c = { .n = 1 };
	u64 frame = regs->bp, pc;
	u32 off;

	if (!cfg.sys_ret[0] || !gcache_get(&e) || frame < e.stack_lo || frame >= e.stack_hi)
		return 0;
	w.hi = e.stack_hi;
	if (!known_begin(&w, frame) || !known_at(&w, frame, 16, &off))
		return 0;
	pc = word(b, off + 8);
	if (pc != cfg.sys_ret[0] && pc != cfg.sys_ret[1])
		return 0;
	c.hash = hash_pc(HASH_SEED, pc == cfg.sys_ret[0] ? cfg.sys_pc[0] : cfg.sys_pc[1]);
	c.fp = word(b, off);
	return known_end(&w, frame, known_walk(&w, &c));
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

/* Where on_sys_enter jumps to; filled by the loader, which does not always load the two. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
} sys_hots SEC(".maps");

/* The thread is in a system call of e's goroutine. */
static __always_inline void thread_set(struct thread *t, const struct event *e)
{
	if (!t)
		return;
	t->g = e->g;
	t->goid = e->goid;
	t->m = e->m;
	t->armed = armed;
	t->sys = SYS_GO;
}

SEC("tp_btf/sys_enter")
int on_sys_enter(u64 *ctx)
{
	struct event e = { .hook = HOOK_SYSCALL_ENTER, .skip = 1, .gstatus = GST_SYSCALL };
	struct task_struct *task;
	u64 nr = ctx[1];

	if (!armed || never_own(nr) || nr == NR_RT_SIGRETURN || !in_target(bpf_get_current_task_btf()))
		return 0;
	if (heap_due(bpf_get_smp_processor_id()))
		goto tell;
	e.stack = go_syscall_known((struct pt_regs *)ctx[0]);
	e.g = ((struct pt_regs *)ctx[0])->r14; /* read again: little can be kept over the walk */
	if (!e.stack || !gcache_get(&e))
		goto tell;
	task = bpf_get_current_task_btf();
	e.tid = target_tid(task);
	e.cpu = bpf_get_smp_processor_id();
	__emit(&e);
	traced(&e);
	thread_set(thread_of(task), &e);
	return 0;
tell:
	bpf_tail_call_static(ctx, &sys_hots, 0);
	return 0;
}

/* The same where the goroutine has to be read: it may be none's, the runtime's own or one made in C. */
SEC("tp_btf/sys_enter")
int on_sys_enter_read(u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct event e = { .hook = HOOK_SYSCALL_ENTER, .skip = 1 };
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	struct thread *t;

	if (!is_target(task, &e.tid))
		return 0;
	e.cpu = bpf_get_smp_processor_id();
	t = thread_of(task);
	if (!go_syscall(&e, task->thread.fsbase, regs->r14, regs->sp)) {
		if (t) {
			t->armed = armed;
			t->sys = SYS_OTHER;
		}
		passed(&e);
		return 0;
	}
	thread_set(t, &e);
	if (cfg.g_syscallbp == GO_NONE) {
		/* The chain from here passes the function that called entersyscall. */
		e.pc0 = 0;
		e.fp = regs->bp;
	}
	traced(&e);
	emit_heap(&e);
	emit_stack(&e);
	return 0;
}

SEC("tp_btf/sys_exit")
int on_sys_exit(u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct event e = { .hook = HOOK_SYSCALL_EXIT };
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	s64 result = (s64)ctx[1];
	u64 nr = regs->orig_ax;
	struct thread *t;
	u8 sys;

	if (!armed || never_own(nr) || nr == ~0ULL || /* -1: rt_sigreturn */
	    !is_target(task, &e.tid))
		return 0;
	e.cpu = bpf_get_smp_processor_id();
	t = thread_of(task);
	sys = t && t->armed == armed ? t->sys : SYS_UNKNOWN;
	if (t)
		t->sys = SYS_UNKNOWN;
	if (t && sys == SYS_GO) {
		e.g = t->g;
		e.goid = t->goid;
		e.m = t->m;
		e.gstatus = GST_SYSCALL;
	} else if (sys == SYS_OTHER ||
		   !go_syscall(&e, task->thread.fsbase, regs->r14, regs->sp)) {
		passed(&e);
		return 0;
	}
	if (result <= -512 && result >= -516) /* ERESTARTSYS ... ERESTART_RESTARTBLOCK */
		e.flags |= REC_F_RESTART;
	traced(&e);
	if (cfg.go_minor < 26)
		read_ticks(&e, e.g);
	__emit(&e);
	return 0;
}
#endif

#endif
