/*
 * tell.bpf.h - what the programs of hot.bpf.h leave over: goroutines that have to be read, stacks that
 * have to be told. By calls: these run seldom, and what is called the verifier judges once.
 */
#ifndef TELL_BPF_H
#define TELL_BPF_H

/*
 * A goroutine starts that has to be read. The P's worker mode labels a GC worker's run. Workers are
 * known by the reason they parked with, which stays in their g, and are never in the cache: so nobody
 * else pays for the look.
 */
SEC("uprobe.multi")
int on_execute_read(struct pt_regs *ctx)
{
	struct event e = { .hook = HOOK_EXECUTE, .g = GO_ARG0(ctx) };
	struct of_m of_m = {};
	u64 g0 = GO_G(ctx);
	u32 mode = 0;

	if (!is_target(bpf_get_current_task_btf(), &e.tid))
		return 0;
	e.cpu = bpf_get_smp_processor_id();
	running_set(g0, e.g);
	read_g_all(&e, e.g);
	if (parks_as_worker(e.waitreason)) {
		look_m(&of_m, g0);
		e.p = of_m.p;
		/* an int, but its values fit a byte */
		if (e.p)
			bpf_probe_read_user(&mode, sizeof(mode),
					    (const void *)(e.p + cfg.p_gcMarkWorkerMode));
		e.x = mode;
	} else if (e.goid) {
		gcache_put(e.g, e.goid, e.stack_lo, e.stack_hi);
	}
	emit(&e);
	emit_heap(&e);
	return 0;
}

/*
 * A goroutine blocks: by gopark(unlockf, lock, reason, traceReason, traceskip), on its own stack, or
 * by park_m(g).
 */
SEC("uprobe.multi")
int on_park_tell(struct pt_regs *ctx)
{
	struct event e = { .hook = HOOK_PARK };

	if (!is_target(bpf_get_current_task_btf(), &e.tid))
		return 0;
	e.cpu = bpf_get_smp_processor_id();
	emit_heap(&e);
	if (cfg.gopark_pc) {
		e.g = GO_G(ctx);
		if (name_parks)
			read_g_tail(&e, e.g);
		e.waitreason = (u8)GO_ARG2(ctx);
		if (cfg.m_waitTraceBlockReason != GO_NONE)
			e.x = (u8)GO_ARG3(ctx);
		e.skip = (u16)GO_ARG4(ctx);
		stack_here(&e, ctx, 0);
		e.known_hi = gcache_read_stack_end(e.g, GO_SP(ctx));
		e.pc1 = e.pc0;
		e.pc0 = cfg.gopark_pc;
	} else {
		e.g = GO_ARG0(ctx);
		read_g_all(&e, e.g);
		read_wait_trace(&e);
		running_set(GO_G(ctx), 0);
	}
	if (parks_as_worker(e.waitreason))
		gcache_drop(e.g);
	emit_stack(&e);
	return 0;
}

/* A goroutine is woken, or made: both by the one that runs, on the system stack. */
SEC("uprobe.multi")
int on_wake_tell(struct pt_regs *ctx)
{
	u64 cookie, arg0 = GO_ARG0(ctx), arg1 = GO_ARG1(ctx), g0 = GO_G(ctx);
	struct event e = {};

	/* Else clang selects between two addresses in ctx: "dereference of modified ctx ptr" (14). */
	barrier_var(arg0);
	barrier_var(arg1);
	if (!is_target(bpf_get_current_task_btf(), &e.tid))
		return 0;
	e.cpu = bpf_get_smp_processor_id();
	cookie = bpf_get_attach_cookie(ctx);
	running_find(&e, g0);
	e.hook = (u8)cookie;
	if (e.hook == HOOK_CREATE) {
		e.g = cookie & COOKIE_NEWG_RAX ? arg0 : arg1;
		if (!read_g_new(&e, e.g)) {
			gcache_drop(e.g);
			return 0;
		}
		gcache_put(e.g, e.goid, 0, 0); /* its bounds are read when it first blocks */
		e.skip = 2;
	} else {
		e.g = arg0;
		e.x = e.curg;
		e.skip = (u16)arg1;
		if (plain_wakes) {
			emit(&e);
			return 0;
		}
	}
	if (e.curg)
		behind_systemstack(&e);
	emit_stack(&e);
	return 0;
}

#endif
