#include "capture/hooks.h"

#include <string.h>

#include "base/num.h"
#include "capture/plan.h"

/*
 * docs/go-runtime.md, hooks. ready is called from one place that matters and a few rare ones, and
 * profiles make the compiler inline it elsewhere: so its calls are taken, which are the same hits.
 */
const struct hook_row hook_rows[] = {
	{HOOK_EXECUTE, 19, LATEST, HOW_SCHEDULE, true, SYS_NO, 0, "runtime.execute", NULL, "GoStart"},
	{HOOK_PARK, 19, 20, HOW_ENTRY, true, SYS_NO, 0, "runtime.park_m", NULL, "GoBlock"},
	{HOOK_PARK, 21, LATEST, HOW_GOPARK, true, SYS_NO, 0, "runtime.park_m",
	 "runtime.gopark", "GoBlock"},
	{HOOK_READY, 19, LATEST, HOW_CALLS, true, SYS_NO, 0, "runtime.ready", NULL, "GoUnblock"},
	{HOOK_INJECT, 19, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime.injectglist", NULL, "GoUnblock"},
	{HOOK_CREATE, 19, LATEST, HOW_BEHIND, true, SYS_NO, 0, "runtime.newproc.func1",
	 "runtime.newproc1", "GoCreate"},
	{HOOK_CREATE, 22, LATEST, HOW_BEHIND, false, SYS_NO, 0, "runtime.newcoro.func1",
	 "runtime.newproc1", "GoCreateBlocked"},
	{HOOK_GOSCHED, 22, LATEST, HOW_ENTRY, true, SYS_NO, 0, "runtime.goschedImpl", NULL, "GoStop"},
	{HOOK_GOSCHED, 19, 21, HOW_CALLS_IN, true, SYS_NO, COOKIE_GOSCHED, "runtime.goschedImpl",
	 "runtime.gosched_m", "GoStop"},
	{HOOK_GOSCHED, 19, 21, HOW_CALLS_IN, false, SYS_NO, COOKIE_GOSCHED, "runtime.goschedImpl",
	 "runtime.goschedguarded_m", "GoStop"},
	{HOOK_GOSCHED, 19, 21, HOW_CALLS_IN, false, SYS_NO, COOKIE_PREEMPTED, "runtime.goschedImpl",
	 "runtime.gopreempt_m", "GoStop"},
	{HOOK_GOSCHED, 19, LATEST, HOW_ENTRY, false, SYS_NO, COOKIE_PREEMPTED | COOKIE_YIELD,
	 "runtime.goyield_m", NULL, "GoStop"},
	{HOOK_PREEMPT_PARK, 19, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime.preemptPark", NULL,
	 "GoBlock"},
	{HOOK_EXIT, 19, LATEST, HOW_ENTRY, true, SYS_NO, 0, "runtime.goexit0", NULL, "GoDestroy"},
	{HOOK_COROSWITCH, 22, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime.coroswitch_m", NULL,
	 "GoSwitch"},
	/* Go 1.19 and 1.20 begin these without an instruction that the kernel emulates. */
	{HOOK_SYSCALL_ENTER, 19, 20, HOW_CALLS, true, SYS_UPROBE, COOKIE_CALL,
	 "runtime.entersyscall", NULL, "GoSyscallBegin"},
	{HOOK_SYSCALL_ENTER, 21, LATEST, HOW_ENTRY, true, SYS_UPROBE, 0, "runtime.entersyscall", NULL,
	 "GoSyscallBegin"},
	{HOOK_SYSCALL_ENTER, 19, LATEST, HOW_CALLS_IN, false, SYS_ANY, COOKIE_PC_AX,
	 "runtime.reentersyscall", "runtime.cgocallbackg", "GoSyscallBegin"},
	{HOOK_SYSCALL_ENTER, 19, LATEST, HOW_CALLS_IN, false, SYS_TP, COOKIE_CALL,
	 "runtime.entersyscall", "runtime.cgocall", "GoSyscallBegin"},
	{HOOK_SYSCALL_EXIT, 19, LATEST, HOW_CALLS_IN, false, SYS_TP, COOKIE_CALL, "runtime.exitsyscall",
	 "runtime.cgocall", "GoSyscallEnd"},
	{HOOK_SYSCALL_EXIT, 19, LATEST, HOW_CALLS_IN, false, SYS_TP, COOKIE_CALL, "runtime.exitsyscall",
	 "runtime.cgocallbackg", "GoSyscallEnd"},
	/* The one caller of entersyscallblock; its system call is a futex, which no tracepoint tells. */
	{HOOK_SYSCALL_EXIT, 19, LATEST, HOW_CALLS_IN, false, SYS_TP, COOKIE_CALL, "runtime.exitsyscall",
	 "runtime.notetsleepg", "GoSyscallEnd"},
	{HOOK_SYSCALL_BLOCK, 19, 20, HOW_CALLS, false, SYS_ANY, COOKIE_CALL,
	 "runtime.entersyscallblock", NULL, "GoSyscallBegin"},
	{HOOK_SYSCALL_BLOCK, 21, LATEST, HOW_ENTRY, false, SYS_ANY, 0, "runtime.entersyscallblock", NULL,
	 "GoSyscallBegin"},
	{HOOK_SYSCALL_EXIT, 19, 20, HOW_CALLS, true, SYS_UPROBE, COOKIE_CALL, "runtime.exitsyscall",
	 NULL, "GoSyscallEnd"},
	{HOOK_SYSCALL_EXIT, 21, LATEST, HOW_ENTRY, true, SYS_UPROBE, 0, "runtime.exitsyscall", NULL,
	 "GoSyscallEnd"},
	{HOOK_SYSCALL_NOP, 19, 25, HOW_ENTRY, true, SYS_ANY, 0, "runtime.exitsyscall0", NULL,
	 "GoSyscallEndBlocked"},
	{HOOK_SYSCALL_NOP, 26, LATEST, HOW_ENTRY, true, SYS_ANY, 0, "runtime.exitsyscallNoP", NULL,
	 "GoSyscallEndBlocked"},
	{HOOK_ACQUIRE, 19, 25, HOW_ENTRY, true, SYS_NO, 0, "runtime.acquirep", NULL, "ProcStart"},
	{HOOK_ACQUIRE, 26, LATEST, HOW_ENTRY, true, SYS_NO, 0, "runtime.acquirepNoTrace", NULL,
	 "ProcStart"},
	{HOOK_RELEASE, 19, LATEST, HOW_ENTRY, true, SYS_NO, 0, "runtime.releasep", NULL, "ProcStop"},
	{HOOK_HANDOFF, 19, 25, HOW_ENTRY, true, SYS_ANY, 0, "runtime.handoffp", NULL, "ProcSteal"},
	{HOOK_GCWAIT, 19, 25, HOW_ENTRY, false, SYS_ANY, 0, "runtime.entersyscall_gcwait", NULL,
	 "ProcSteal"},
	{HOOK_STEAL, 26, LATEST, HOW_ENTRY, true, SYS_ANY, 0, "runtime.syscallingThread.releaseP", NULL,
	 "ProcSteal"},
	{HOOK_GCWAIT, 26, LATEST, HOW_ENTRY, false, SYS_ANY, 0, "runtime.entersyscallHandleGCWait", NULL,
	 "ProcStop"},
	{HOOK_NEEDM, 19, 20, HOW_ENTRY, false, SYS_NO, 0, "runtime.needm", NULL, "GoCreateSyscall"},
	/* Behind needm the thread has its goroutine; signal handlers call needm elsewhere. */
	{HOOK_NEEDM, 21, LATEST, HOW_BEHIND, false, SYS_NO, 0, "runtime.needAndBindM", "runtime.needm",
	 "GoCreateSyscall"},
	{HOOK_DROPM, 19, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime.dropm", NULL, "GoDestroySyscall"},
	{HOOK_STW_BEGIN, 19, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime.stopTheWorldWithSema", NULL,
	 "STWBegin"},
	{HOOK_STW_START, 19, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime.startTheWorldWithSema", NULL,
	 "STWEnd"},
	{HOOK_STW_END, 19, LATEST, HOW_LAST_CALL, false, SYS_NO, 0, "runtime.startTheWorldWithSema",
	 "runtime.wakep", "STWEnd"},
	{HOOK_PROCRESIZE, 19, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime.procresize", NULL,
	 "ProcsChange"},
	{HOOK_GC_BEGIN, 19, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime.gcBgMarkStartWorkers", NULL,
	 "GCBegin"},
	{HOOK_GC_END, 19, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime.gcSweep", NULL, "GCEnd"},
	{HOOK_ASSIST_BEGIN, 19, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime.gcAssistAlloc1", NULL,
	 "GCMarkAssistBegin"},
	{HOOK_ASSIST_END, 19, LATEST, HOW_LAST_CALL, false, SYS_NO, 0, "runtime.gcAssistAlloc1",
	 "runtime.casgstatus", "GCMarkAssistEnd"},
	{HOOK_ASSIST_PARK, 19, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime.gcParkAssist", NULL,
	 "(mark assist)"},
	{HOOK_STARTLOCKEDM, 19, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime.startlockedm", NULL,
	 "GoUnblock"},
	{HOOK_TASK_BEGIN, 21, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime/trace.userTaskCreate", NULL,
	 "UserTaskBegin"},
	{HOOK_TASK_END, 21, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime/trace.userTaskEnd", NULL,
	 "UserTaskEnd"},
	{HOOK_REGION, 21, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime/trace.userRegion", NULL,
	 "UserRegion"},
	{HOOK_LOG, 21, LATEST, HOW_ENTRY, false, SYS_NO, 0, "runtime/trace.userLog", NULL, "UserLog"},
};

const size_t hook_row_cnt = ARRAY_LEN(hook_rows);

static const struct hook_substitute substitutes[] = {
	{COOKIE_GOSCHED, "runtime.goschedImpl", "runtime.gosched_m"},
	{COOKIE_GOSCHED, "runtime.goschedImpl", "runtime.goschedguarded_m"},
	{COOKIE_PREEMPTED, "runtime.goschedImpl", "runtime.gopreempt_m"},
};

/* Whoever holds a copy of releasep calls it, or holds a copy of it, too. */
const struct hook_substitute hook_below = {0, "runtime.releasep", "runtime.releasepNoTrace"};

const struct hook_substitute *hook_substitute(const char *func, const char *holder)
{
	for (size_t k = 0; k < ARRAY_LEN(substitutes); k++)
		if (strcmp(substitutes[k].func, func) == 0 &&
		    strcmp(substitutes[k].holder, holder) == 0)
			return &substitutes[k];
	return NULL;
}

static const char *const hook_names[HOOK_COUNT] = {
	[HOOK_EXECUTE] = "execute",
	[HOOK_PARK] = "park",
	[HOOK_READY] = "ready",
	[HOOK_INJECT] = "inject",
	[HOOK_CREATE] = "create",
	[HOOK_GOSCHED] = "gosched",
	[HOOK_PREEMPT_PARK] = "preempt",
	[HOOK_EXIT] = "exit",
	[HOOK_COROSWITCH] = "coroswitch",
	[HOOK_SYSCALL_ENTER] = "syscall",
	[HOOK_SYSCALL_BLOCK] = "sysblock",
	[HOOK_SYSCALL_EXIT] = "sysexit",
	[HOOK_SYSCALL_NOP] = "sysexit-nop",
	[HOOK_ACQUIRE] = "acquirep",
	[HOOK_RELEASE] = "releasep",
	[HOOK_HANDOFF] = "handoffp",
	[HOOK_STEAL] = "steal",
	[HOOK_GCWAIT] = "gcwait",
	[HOOK_NEEDM] = "needm",
	[HOOK_DROPM] = "dropm",
	[HOOK_STW_BEGIN] = "stw-begin",
	[HOOK_STW_START] = "stw-start",
	[HOOK_STW_END] = "stw-end",
	[HOOK_PROCRESIZE] = "procresize",
	[HOOK_GC_BEGIN] = "gc-begin",
	[HOOK_GC_END] = "gc-end",
	[HOOK_ASSIST_BEGIN] = "assist-begin",
	[HOOK_ASSIST_END] = "assist-end",
	[HOOK_STARTLOCKEDM] = "startlockedm",
	[HOOK_TASK_BEGIN] = "task-begin",
	[HOOK_TASK_END] = "task-end",
	[HOOK_REGION] = "region",
	[HOOK_LOG] = "log",
	[HOOK_ASSIST_PARK] = "assist-park",
	[HOOK_CALL] = "call",
	[HOOK_HEAP] = "heap",
	[HOOK_SNAP_G] = "snap-g",
	[HOOK_SNAP_P] = "snap-p",
	[HOOK_SNAP_M] = "snap-m",
	[HOOK_SNAP_GC] = "snap-gc",
	[HOOK_SNAP_END] = "snap-end",
	[HOOK_CLOCK] = "clock",
	[HOOK_LOST] = "lost",
	[HOOK_NOTE] = "note",
	[HOOK_END] = "end",
	[HOOK_PLAN] = "plan",
};

const char *plan_hook_name(unsigned hook)
{
	return hook < HOOK_COUNT && hook_names[hook] ? hook_names[hook] : "?";
}

const char *hook_how_name(enum hook_how how)
{
	switch (how) {
	case HOW_ENTRY:
	case HOW_GOPARK:
	case HOW_SCHEDULE:
		return "entry";
	case HOW_CALLS:
		return "calls";
	case HOW_CALLS_IN:
		return "calls in";
	case HOW_BEHIND:
		return "behind call";
	default:
		return "last call";
	}
}
