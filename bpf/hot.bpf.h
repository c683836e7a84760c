/*
 * hot.bpf.h - the programs of the hooks that are hit most: starts, blocks, wake-ups and creations, as
 * they mostly are: of goroutines in the cache, on stacks that were told before.
 *
 * A program for each, with everything inline: where returns go through thunks, calls are dear, and a
 * hit would make a dozen (docs/overhead.md has what it gave). on_hook jumps to them, and they to the
 * ones of tell.bpf.h, which begin anew (a tail call whose number is constant is a jump): so that all
 * sites share one link, as each link waits for the kernel when it is given up.
 *
 * Three of them ask last whose thread it is: so less has to be kept over the walk of a stack. The kernel
 * lets only the target's threads in (uprobe_multi's process), and until then nothing is told, and
 * nothing kept but a depth (too_deep).
 */
#ifndef HOT_BPF_H
#define HOT_BPF_H

/* Where on_hook and these programs jump to. */
enum {
	HOT_EXECUTE,
	HOT_EXECUTE_READ,
	HOT_PARK,
	HOT_PARK_TELL,
	HOT_READY,
	HOT_CREATE,
	HOT_WAKE_TELL,
	HOT_COUNT
};

int on_execute(struct pt_regs *ctx);
int on_execute_read(struct pt_regs *ctx);
int on_park(struct pt_regs *ctx);
int on_park_tell(struct pt_regs *ctx);
int on_ready(struct pt_regs *ctx);
int on_create(struct pt_regs *ctx);
int on_wake_tell(struct pt_regs *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, HOT_COUNT);
	__uint(key_size, 4);
	__array(values, int(void *));
} hots SEC(".maps") = {
	.values = {
		[HOT_EXECUTE] = (void *)&on_execute,
		[HOT_EXECUTE_READ] = (void *)&on_execute_read,
		[HOT_PARK] = (void *)&on_park,
		[HOT_PARK_TELL] = (void *)&on_park_tell,
		[HOT_READY] = (void *)&on_ready,
		[HOT_CREATE] = (void *)&on_create,
		[HOT_WAKE_TELL] = (void *)&on_wake_tell,
	},
};

/* The collector's workers park with reasons of their own. */
static __always_inline bool parks_as_worker(u8 waitreason)
{
	return cfg.gcworker[0] == 255 || waitreason == cfg.gcworker[0] ||
	       waitreason == cfg.gcworker[1];
}

/*
 * At schedule's nop: whether the goroutine is locked to a thread. The instruction before has compared
 * g.lockedm with 0, the one behind the nop jumps by the result (image/site.h, site_schedule_nop).
 */
static __always_inline bool locked_to_thread(struct pt_regs *ctx)
{
#if defined(__TARGET_ARCH_x86)
	enum { ZERO_FLAG = 1 << 6 };

	return !(ctx->flags & ZERO_FLAG);
#else
	return false;
#endif
}

/* A goroutine starts that is in the cache; else on_execute_read's part. */
SEC("uprobe.multi")
int on_execute(struct pt_regs *ctx)
{
	struct event e = { .hook = HOOK_EXECUTE, .g = GO_ARG0(ctx) };

	if (!is_target(bpf_get_current_task_btf(), &e.tid))
		return 0;
	if (!gcache_get(&e)) {
		bpf_tail_call_static(ctx, &hots, HOT_EXECUTE_READ);
		return 0;
	}
	e.cpu = bpf_get_smp_processor_id();
	running_set(GO_G(ctx), e.g);
	__emit(&e);
	__emit_heap(&e);
	return 0;
}

/* The hash of the stack that blocks in gopark, if its end is known; 0: that is not, or not told. */
static __always_inline u64 known_here(struct pt_regs *ctx)
{
	struct known_chain c = { .fp = GO_FP(ctx), .n = 2 };
	char b[KNOWN_WINDOW] BLOCK_ALIGNED;
	u64 sp = GO_SP(ctx);
	struct known_window w = { .b = b, .hi = gcache_stack_end(GO_G(ctx), sp) };
	u32 off;

	if (!w.hi || !known_begin(&w, sp) || !known_at(&w, sp, 8, &off))
		return 0;
	c.hash = hash_pc(hash_pc(HASH_SEED, cfg.gopark_pc), word(b, off));
	return known_end(&w, sp, known_walk(&w, &c));
}

/* A goroutine blocks in gopark. */
SEC("uprobe.multi")
int on_park(struct pt_regs *ctx)
{
	struct event e = { .hook = HOOK_PARK };

	if (name_parks || parks_as_worker((u8)GO_ARG2(ctx)) ||
	    heap_due(bpf_get_smp_processor_id()))
		goto tell;
	e.stack = known_here(ctx);
	if (!e.stack)
		goto tell;
	if (!is_target(bpf_get_current_task_btf(), &e.tid))
		return 0;
	e.cpu = bpf_get_smp_processor_id();
	e.g = GO_G(ctx);
	e.waitreason = (u8)GO_ARG2(ctx);
	if (cfg.m_waitTraceBlockReason != GO_NONE)
		e.x = (u8)GO_ARG3(ctx);
	e.skip = (u16)GO_ARG4(ctx);
	__emit(&e);
	return 0;
tell:
	bpf_tail_call_static(ctx, &hots, HOT_PARK_TELL);
	return 0;
}

/*
 * The hash of the stack of the goroutine whose first G_HEAD bytes are in b, on the system stack; 0: not
 * told. b has KNOWN_WINDOW bytes.
 */
static __always_inline u64 known_behind(char *b)
{
	struct known_window w = { .b = b, .hi = word(b, 8) };
	struct known_chain c = { .fp = word(b, cfg.g_sched_bp), .n = 1 };
	u64 fp = c.fp;

	c.hash = hash_pc(HASH_SEED, word(b, cfg.g_sched_pc));
	if (!known_begin(&w, fp))
		return 0;
	return known_end(&w, fp, known_walk(&w, &c));
}

/* A goroutine is woken by the one that last started on this thread. */
SEC("uprobe.multi")
int on_ready(struct pt_regs *ctx)
{
	struct event e = { .hook = HOOK_READY };
	char b[KNOWN_WINDOW] BLOCK_ALIGNED;

	e.x = running_hint(GO_G(ctx), b);
	if (!e.x)
		goto tell;
	if (!plain_wakes) {
		e.stack = known_behind(b);
		if (!e.stack)
			goto tell;
	}
	if (!is_target(bpf_get_current_task_btf(), &e.tid))
		return 0;
	e.cpu = bpf_get_smp_processor_id();
	e.g = GO_ARG0(ctx);
	e.skip = (u16)GO_ARG1(ctx);
	__emit(&e);
	return 0;
tell:
	bpf_tail_call_static(ctx, &hots, HOT_WAKE_TELL);
	return 0;
}

/* A goroutine is made by the one that last started on this thread. */
SEC("uprobe.multi")
int on_create(struct pt_regs *ctx)
{
	struct event e = { .hook = HOOK_CREATE, .skip = 2 };
	char b[KNOWN_WINDOW] BLOCK_ALIGNED;
	u64 arg0, arg1;

	if (!running_hint(GO_G(ctx), b))
		goto tell;
	e.stack = known_behind(b);
	if (!e.stack)
		goto tell;
	arg0 = GO_ARG0(ctx);
	arg1 = GO_ARG1(ctx);
	/* Else clang selects between two addresses in ctx: "dereference of modified ctx ptr" (14). */
	barrier_var(arg0);
	barrier_var(arg1);
	e.g = bpf_get_attach_cookie(ctx) & COOKIE_NEWG_RAX ? arg0 : arg1;
	if (bpf_probe_read_user(b, G_NEW_ALL, (const void *)e.g))
		goto tell;
	if (!is_target(bpf_get_current_task_btf(), &e.tid))
		return 0;
	take_g_new(&e, b + cfg.g_atomicstatus);
	gcache_put(e.g, e.goid, word(b, 0), word(b, 8));
	e.cpu = bpf_get_smp_processor_id();
	__emit(&e);
	return 0;
tell:
	bpf_tail_call_static(ctx, &hots, HOT_WAKE_TELL);
	return 0;
}

#endif
