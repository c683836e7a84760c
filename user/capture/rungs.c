#include "capture/plan.h"

/* enum rec_plan says what each is for. */
bool plan_has(unsigned hook, enum rec_plan plan)
{
	if (plan == REC_PLAN_STOP)
		return hook != HOOK_EXECUTE;
	if (plan != REC_PLAN_LEAN)
		return true;
	switch (hook) {
	case HOOK_EXECUTE:
	case HOOK_READY:
	case HOOK_INJECT:
	case HOOK_ACQUIRE:
	case HOOK_RELEASE:
	case HOOK_STW_BEGIN:
	case HOOK_STW_START:
	case HOOK_STW_END:
	case HOOK_PROCRESIZE:
	case HOOK_GC_BEGIN:
	case HOOK_GC_END:
	case HOOK_TASK_BEGIN:
	case HOOK_TASK_END:
	case HOOK_REGION:
	case HOOK_LOG:
		return true;
	default:
		return false;
	}
}

enum plan_part plan_part(unsigned hook)
{
	switch (hook) {
	case HOOK_EXECUTE:
		return PART_EXECUTE;
	case HOOK_READY:
	case HOOK_INJECT:
		return PART_WAKES;
	case HOOK_SYSCALL_ENTER:
	case HOOK_SYSCALL_BLOCK:
	case HOOK_SYSCALL_EXIT:
	case HOOK_SYSCALL_NOP:
	case HOOK_HANDOFF:
	case HOOK_STEAL:
	case HOOK_GCWAIT:
		return PART_SYSCALLS;
	default:
		return hook == HOOK_CALL || plan_has(hook, REC_PLAN_LEAN) ? PART_REST
									      : PART_STOPS;
	}
}

static const struct {
	const char *name;
	unsigned parts;
	enum rec_plan plan;
} rungs[RUNG_COUNT] = {
	[RUNG_FULL] = {"full", (1 << PART_COUNT) - 1, REC_PLAN_FULL},
	[RUNG_WAKES] = {"wakes without stacks", (1 << PART_COUNT) - 1, REC_PLAN_FULL},
	[RUNG_STOP] = {"stop", 1 << PART_REST | 1 << PART_WAKES | 1 << PART_STOPS | 1 << PART_SYSCALLS,
		       REC_PLAN_STOP},
	[RUNG_CALLS] = {"stop without syscalls", 1 << PART_REST | 1 << PART_WAKES | 1 << PART_STOPS,
			REC_PLAN_STOP},
	[RUNG_LEAN] = {"lean", 1 << PART_REST | 1 << PART_WAKES | 1 << PART_EXECUTE, REC_PLAN_LEAN},
	[RUNG_PAUSED] = {"paused", 0, REC_PLAN_FULL},
};

const char *plan_rung_name(enum plan_rung r)
{
	return rungs[r].name;
}

unsigned plan_rung_parts(enum plan_rung r)
{
	return rungs[r].parts;
}

enum rec_plan plan_rung_plan(enum plan_rung r)
{
	return rungs[r].plan;
}
