#include "trace/plain.h"

#include "trace/orderstep.h"

/* Which arguments are its stacks and its reason; from and to are of the transition. */
struct plain_row {
	uint8_t stack, own, reason; /* NO: it has none */
	uint8_t flags, from, to;
	uint8_t pad[2]; /* a row is found by one shift */
};

enum { NO = EV_MAX_ARGS, OF_CURRENT = PLAIN | PLAIN_OF_CURRENT, OF_G = PLAIN | PLAIN_OF_G };

#define ROW(stack_, own_, reason_, flags_, f, t)                                                   \
	{                                                                                          \
		.stack = stack_, .own = own_, .reason = reason_, .flags = flags_, .from = f,       \
		.to = t                                                                            \
	}
#define ROW_GO(f, t, flags, stack, own, reason)                                                    \
	ROW(stack, own, reason, flags, GOTRACE_GO_##f, GOTRACE_GO_##t)
#define ROW_PROC(f, t, flags) ROW(NO, NO, NO, flags, GOTRACE_PROC_##f, GOTRACE_PROC_##t)

/* The kinds of orderplain.h: from, to, flags; stack, own, reason. */
static const struct plain_row rows[EV_TABLE_LEN] = {
	[EV_PROC_START] = ROW_PROC(IDLE, RUNNING, PLAIN | PLAIN_PROC),
	[EV_PROC_STOP] = ROW_PROC(RUNNING, IDLE, OF_CURRENT | PLAIN_PROC),
	[EV_GO_CREATE] = ROW_GO(NOT_EXIST, RUNNABLE, PLAIN, 2, 1, NO),
	[EV_GO_CREATE_BLOCKED] = ROW_GO(NOT_EXIST, WAITING, PLAIN, 2, 1, NO),
	[EV_GO_START] = ROW_GO(RUNNABLE, RUNNING, OF_G, NO, NO, NO),
	[EV_GO_DESTROY] = ROW_GO(RUNNING, NOT_EXIST, OF_CURRENT, NO, NO, NO),
	[EV_GO_STOP] = ROW_GO(RUNNING, RUNNABLE, OF_CURRENT, 1, 1, 0),
	[EV_GO_BLOCK] = ROW_GO(RUNNING, WAITING, OF_CURRENT, 1, 1, 0),
	[EV_GO_UNBLOCK] = ROW_GO(WAITING, RUNNABLE, OF_G, 2, NO, NO),
	[EV_GO_SYSCALL_BEGIN] = ROW_GO(RUNNING, SYSCALL, OF_CURRENT, 1, 1, NO),
	[EV_GO_SYSCALL_END] = ROW_GO(SYSCALL, RUNNING, OF_CURRENT, NO, NO, NO),
};

void plain_prepare(struct cursor *c, const struct gen *gen, const struct order *o)
{
	const struct gen_str *empty = gen_str_get(gen, 0);

	c->plain = true;
	for (struct cursor_event *ev = c->ev; ev < c->end; ev++) {
		const struct plain_row *row = &rows[ev->type];
		const struct gotrace_stack *stack = NULL, *own;
		const struct gen_str *reason = empty;

		ev->plain = 0;
		if (!row->flags)
			continue;
		if (row->stack != NO) {
			stack = gen_stack_get(gen, ev->args[row->stack]);
			if (!stack && ev->args[row->stack])
				continue;
		}
		own = stack;
		if (row->own != row->stack) {
			own = row->own != NO ? gen_stack_get(gen, ev->args[row->own]) : NULL;
			if (!own && row->own != NO && ev->args[row->own])
				continue;
		}
		if (row->reason != NO) {
			reason = gen_str_get(gen, ev->args[row->reason]);
			if (!reason)
				continue;
		}
		if (row->flags & PLAIN_OF_G)
			ev->g = find_g(o, ev->args[0]);
		ev->stack = stack;
		ev->own = own;
		ev->reason = reason;
		ev->from = row->from;
		ev->to = row->to;
		ev->plain = row->flags;
	}
}
