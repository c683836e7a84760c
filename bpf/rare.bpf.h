/*
 * rare.bpf.h - the hooks that are hit seldom: one program for all of them, told apart by the cookie.
 */
#ifndef RARE_BPF_H
#define RARE_BPF_H

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
static __always_inline void on_inject(struct event *e, struct pt_regs *ctx, u64 list)
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
	case HOOK_STW_END:
		on_curg(e, g, 0, false);
		break;
	case HOOK_GC_END:
	case HOOK_STW_START:
		on_curg(e, g, 0, false);
		/* A cycle's end and a restart are moments that the heap's graph needs. */
		heap_ns = 0;
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
		e->x = (cookie & ~(~0ULL << COOKIE_TURN_SHIFT)) >> COOKIE_CALL_SHIFT;
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

#endif
