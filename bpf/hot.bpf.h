/*
 * hot.bpf.h - the programs of the hooks that are hit most: starts, blocks, wake-ups and creations.
 *
 * A program for each, with everything inline: where returns go through thunks, calls are dear, and a
 * hit would make a dozen (docs/overhead.md has what it gave). Nothing here may be called twice: the
 * verifier goes through all of it once a copy. on_hook jumps to them (a tail call whose number is
 * constant is a jump), so that all sites share one link: each link waits for the kernel when it is
 * given up.
 */
#ifndef HOT_BPF_H
#define HOT_BPF_H

/* Where on_hook and these programs jump to. */
enum { HOT_EXECUTE, HOT_EXECUTE_READ, HOT_PARK, HOT_WAKE, HOT_COUNT };

int on_execute(struct pt_regs *ctx);
int on_execute_read(struct pt_regs *ctx);
int on_park(struct pt_regs *ctx);
int on_wake(struct pt_regs *ctx);

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
		[HOT_WAKE] = (void *)&on_wake,
	},
};

/*
 * Which goroutine runs on a thread, by the thread's g0: saves a wake-up the look into its m. A hint
 * that its user proves (running_find): slots are shared by whoever hashes there, hooks may be off.
 * A slot is a cache line; g0 0: none.
 */
enum { RUNNING_BITS = 12 };

struct running {
	u64 g0, m, g;
	u64 pad[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << RUNNING_BITS);
	__type(key, __u32);
	__type(value, struct running);
} runnings SEC(".maps");

static __always_inline struct running *running_slot(u64 g0)
{
	u32 at = addr_slot(g0, RUNNING_BITS);

	return bpf_map_lookup_elem(&runnings, &at);
}

/* g runs on the thread of g0 from now on. */
static __always_inline void running_set(u64 g0, u64 g)
{
	volatile struct running *s = running_slot(g0);

	if (!s)
		return;
	if (s->g0 != g0) {
		s->m = 0; /* before g0: who sees g0 must not see another thread's m */
		s->g0 = g0;
	}
	s->g = g;
}

/* What is read of a thread's m. */
struct of_m {
	u64 m, curg, p;
};

/* From the m of g, the thread's own goroutine or its g0. A small answer: the callers have little stack. */
__noinline int look_m(struct of_m *ret, u64 g)
{
	u32 cpu = bpf_get_smp_processor_id();
	char b[M_BLOCK] BLOCK_ALIGNED;

	if (!ret)
		return 0;
	if (bpf_probe_read_user(&ret->m, sizeof(ret->m), (const void *)(g + cfg.g_m)) ||
	    bpf_probe_read_user(b, sizeof(b), (const void *)(ret->m + cfg.m_curg))) {
		fault_on(cpu);
		return 0;
	}
	ret->curg = word(b, 0);
	ret->p = word(b, (u32)(cfg.m_p - cfg.m_curg));
	return 0;
}

/*
 * The goroutine on the thread of g0, with its gobuf and stack bounds in e, or 0: e->curg. The hint
 * holds if that goroutine's own m is this thread's; else both are read from the thread's m.
 */
static __always_inline void running_find(struct event *e, u64 g0)
{
	volatile struct running *s = running_slot(g0);
	struct of_m of_m = {};
	char b[G_HEAD] BLOCK_ALIGNED;
	u64 g, m;

	if (s && s->g0 == g0) {
		g = s->g;
		m = s->m;
		if (s->g0 == g0 && g && m && !bpf_probe_read_user(b, sizeof(b), (const void *)g) &&
		    word(b, cfg.g_m) == m) {
			e->curg = g;
			take_gobuf(e, b);
			return;
		}
	}
	look_m(&of_m, g0);
	e->curg = of_m.curg;
	e->p = of_m.p;
	if (s && s->g0 == g0) {
		s->m = of_m.m;
		s->g = e->curg;
	}
	if (!e->curg)
		return;
	if (bpf_probe_read_user(b, sizeof(b), (const void *)e->curg))
		fault(e);
	else
		take_gobuf(e, b);
}

/* The collector's workers park with reasons of their own. */
static __always_inline bool parks_as_worker(const struct event *e)
{
	return cfg.gcworker[0] == 255 || e->waitreason == cfg.gcworker[0] ||
	       e->waitreason == cfg.gcworker[1];
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
	if (parks_as_worker(&e)) {
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
int on_park(struct pt_regs *ctx)
{
	struct event e = { .hook = HOOK_PARK };

	if (!is_target(bpf_get_current_task_btf(), &e.tid))
		return 0;
	e.cpu = bpf_get_smp_processor_id();
	__emit_heap(&e);
	if (cfg.gopark_pc) {
		e.g = GO_G(ctx);
		if (name_parks)
			__read_g_tail(&e, e.g);
		e.waitreason = (u8)GO_ARG2(ctx);
		if (cfg.m_waitTraceBlockReason != GO_NONE)
			e.x = (u8)GO_ARG3(ctx);
		e.skip = (u16)GO_ARG4(ctx);
		stack_here(&e, ctx, 0);
		e.known_hi = stack_end(&e, GO_SP(ctx));
		e.pc1 = e.pc0;
		e.pc0 = cfg.gopark_pc;
	} else {
		e.g = GO_ARG0(ctx);
		__read_g_all(&e, e.g);
		read_wait_trace(&e);
		running_set(GO_G(ctx), 0);
	}
	if (parks_as_worker(&e))
		gcache_drop(e.g);
	__emit_stack(&e);
	return 0;
}

/* A goroutine is woken, or made: both by the one that runs, on the system stack. */
SEC("uprobe.multi")
int on_wake(struct pt_regs *ctx)
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
		gcache_put(e.g, e.goid, 0, 0);
		e.skip = 2;
	} else {
		e.g = arg0;
		e.x = e.curg;
		e.skip = (u16)arg1;
		if (plain_wakes) {
			__emit(&e);
			return 0;
		}
	}
	if (e.curg)
		behind_systemstack(&e);
	__emit_stack(&e);
	return 0;
}

#endif
