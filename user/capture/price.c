#include "capture/price.h"

/*
 * The guess: the program behind a trap, in per cent of a push's trap. Both are kernel entries, helper
 * calls and a handful of user reads, and scale together from machine to machine.
 */
static const double COLD_GUESS = 2;

enum {
	BODY_PLAIN = 70,
	BODY_STACK = 130,
	TRACEPOINT = 60, /* a tracepoint's own entry, twice: hits of patched nops pass it, too */
};

static bool hook_has_stack(unsigned hook)
{
	switch (hook) {
	case HOOK_PARK:
	case HOOK_READY:
	case HOOK_INJECT:
	case HOOK_CREATE:
	case HOOK_GOSCHED:
	case HOOK_PREEMPT_PARK:
	case HOOK_SYSCALL_ENTER:
	case HOOK_SYSCALL_BLOCK:
	case HOOK_CALL:
	case HOOK_STW_BEGIN:
	case HOOK_PROCRESIZE:
	case HOOK_GC_BEGIN:
	case HOOK_ASSIST_BEGIN:
	case HOOK_TASK_BEGIN:
	case HOOK_TASK_END:
	case HOOK_REGION:
	case HOOK_LOG:
		return true;
	default:
		return false;
	}
}

/* Most hits of a hook pass its nop, if it has one: the other sites are the rare ones. */
static bool hook_has_nop(const struct plan *p, unsigned hook)
{
	for (size_t i = 0; i < p->site_cnt; i++)
		if ((p->sites[i].cookie & 0xff) == hook && p->sites[i].site.kind == SITE_NOP5)
			return true;
	return false;
}

static uint32_t guess_hit(const struct attach_features *f, const struct plan *p, bool tracepoints,
			  unsigned hook)
{
	uint32_t push = f->push_ns ? f->push_ns : PRICE_PUSH_NS;
	uint32_t body = push * (hook_has_stack(hook) ? BODY_STACK : BODY_PLAIN) / 100;

	/* A patched nop enters by a system call, which the tracepoints make as dear as a trap. */
	if (!tracepoints && f->nop5_ns && hook_has_nop(p, hook))
		return f->nop5_ns + body;
	return push + body;
}

void price_guess(const struct attach_features *f, const struct plan *p, bool tracepoints,
		 struct price *ret)
{
	uint32_t push = f->push_ns ? f->push_ns : PRICE_PUSH_NS;

	*ret = (struct price){ .skipped_ns = push + push * BODY_PLAIN / 200,
			       .cold = COLD_GUESS,
			       .traced_ns = push * (TRACEPOINT + BODY_STACK) / 100,
			       .passed_ns = tracepoints ? push * TRACEPOINT / 200 : 0,
			       .idle_ns = push + push / 10 };
	for (unsigned h = 1; h < HOOK_BPF_END; h++)
		if (h != HOOK_HEAP)
			ret->hit_ns[h] = guess_hit(f, p, tracepoints, h);
	ret->plain_wake_ns = ret->hit_ns[HOOK_READY] -
			     push * (uint32_t)(BODY_STACK - BODY_PLAIN) / 100;
}

void price_fill(struct price *p)
{
	for (unsigned h = 1; h < HOOK_BPF_END; h++)
		if (h != HOOK_HEAP && !p->hit_ns[h])
			p->hit_ns[h] = p->hit_ns[hook_has_stack(h) ? HOOK_PARK : HOOK_RELEASE];
}
