#include "judge.h"

#define IDLE8 "ProcStatus dt=1 p=1 pstatus=2\n"
#define START8 IDLE8 "ProcStart dt=1 p=1 p_seq=1\n"

static void procs(void **state)
{
	static const struct judged cases[] = {
		{ "ProcStatus dt=1 p=0 pstatus=2", NULL, "P 0 is running, not idle" },
		{ "ProcStatus dt=1 p=0 pstatus=5", NULL, "cannot be in state 5" },
		{ "ProcStatus dt=1 p=0 pstatus=1", NULL, NULL },
		{ "ProcStop dt=1\nProcStart dt=1 p=0 p_seq=1", NULL, NULL },
		{ "ProcStop dt=1\nProcStart dt=1 p=0 p_seq=2", NULL, "P 0 is idle at seq 0" },
		{ "ProcStop dt=1\nProcStop dt=1", NULL, "ProcStop: thread 7 has no P" },
		{ "ProcStart dt=1 p=3 p_seq=1", NULL, "P 3 is unknown" },
		{ "GoBlock dt=1 reason_string=0 stack=0\nGoStart dt=1 g=1 g_seq=1", NULL,
		  "goroutine 1 is waiting" },
		{ "HeapAlloc dt=1 heapalloc_value=1", START8 "ProcStop dt=1", NULL },
		/* A P in a syscall is taken by another thread, and back. */
		{ "GoSyscallBegin dt=1 p_seq=1 stack=0\nGoSyscallEndBlocked dt=50",
		  "ProcSteal dt=9 p=0 p_seq=2 m=7\nProcStart dt=1 p=0 p_seq=3", NULL },
		{ "GoSyscallBegin dt=1 p_seq=1 stack=0", "ProcSteal dt=9 p=0 p_seq=2 m=9",
		  "thread 9, which is unknown" },
		{ "GoSyscallBegin dt=1 p_seq=1 stack=0",
		  "GoStatus dt=1 g=5 m=8 gstatus=3\nProcSteal dt=9 p=0 p_seq=2 m=8",
		  "which holds P -1" },
		{ "HeapAlloc dt=1 heapalloc_value=1", "ProcSteal dt=9 p=0 p_seq=1 m=7",
		  "P 0 is running" },
		{ "GoSyscallBegin dt=1 p_seq=1 stack=0\nProcSteal dt=1 p=0 p_seq=2 m=7\n"
		  "ProcStart dt=1 p=0 p_seq=3\nGoSyscallEndBlocked dt=1\nGoStart dt=1 g=1 g_seq=1",
		  NULL, NULL },
		/* Told as abandoned, but known to be in a syscall. */
		{ "GoSyscallBegin dt=1 p_seq=1 stack=0",
		  "ProcStatus dt=9 p=0 pstatus=4\nProcSteal dt=9 p=0 p_seq=1 m=7", NULL },
	};

	(void)state;
	JUDGE_ALL(cases);
}

static void goroutines(void **state)
{
	static const struct judged cases[] = {
		{ "GoStatus dt=1 g=1 m=7 gstatus=4", NULL, "goroutine 1 is running, not waiting" },
		{ "GoStatus dt=1 g=2 m=7 gstatus=9", NULL, "cannot be in state 9" },
		{ "GoCreate dt=1 new_g=2 new_stack=0 stack=0\nGoCreate dt=1 new_g=2 new_stack=0 "
		  "stack=0",
		  NULL, "goroutine 2 exists already" },
		{ "GoCreate dt=1 new_g=2 new_stack=0 stack=0\nGoStart dt=1 g=2 g_seq=1", NULL,
		  "thread 7 has goroutine 1 already" },
		{ "GoCreate dt=1 new_g=2 new_stack=0 stack=0\nGoDestroy dt=1\nGoStart dt=1 g=2 "
		  "g_seq=1",
		  NULL, NULL },
		{ "GoDestroy dt=1\nGoDestroy dt=1", NULL, "thread 7 has no goroutine" },
		{ "GoDestroy dt=1\nGoCreate dt=1 new_g=1 new_stack=0 stack=0\nGoStart dt=1 g=1 "
		  "g_seq=1",
		  NULL, NULL },
		{ "GoStop dt=1 reason_string=1 stack=0\nGoStart dt=1 g=1 g_seq=1", NULL, NULL },
		{ "GoStop dt=1 reason_string=1 stack=0\nGoStart dt=1 g=1 g_seq=2", NULL,
		  "goroutine 1 is runnable at seq 0 of generation 1" },
		{ "GoStop dt=1 reason_string=9 stack=0", NULL, "names a string" },
		{ "GoStop dt=1 reason_string=1 stack=9", NULL, "names a stack" },
		{ "GoBlock dt=1 reason_string=0 stack=0\nGoUnblock dt=1 g=1 g_seq=1 stack=0\n"
		  "GoStart dt=1 g=1 g_seq=2",
		  NULL, NULL },
		{ "GoUnblock dt=1 g=1 g_seq=1 stack=0", NULL, "goroutine 1 is running" },
		/* No P and no goroutine are needed to wake. */
		{ "GoBlock dt=1 reason_string=0 stack=0", "GoUnblock dt=9 g=1 g_seq=1 stack=0",
		  NULL },
		/* The other thread's clock is behind: its event waits. */
		{ "GoBlock dt=90 reason_string=0 stack=0", "GoUnblock dt=9 g=1 g_seq=1 stack=0",
		  NULL },
		{ "GoCreateBlocked dt=1 new_g=2 new_stack=0 stack=0\nGoSwitch dt=1 g=2 g_seq=1\n"
		  "GoSwitchDestroy dt=1 g=1 g_seq=1\nGoDestroy dt=1",
		  NULL, NULL },
		{ "GoCreate dt=1 new_g=2 new_stack=0 stack=0\nGoSwitch dt=1 g=2 g_seq=1", NULL,
		  "goroutine 2 is runnable" },
		{ "GoStatus dt=1 g=2 m=18446744073709551615 gstatus=3", NULL, "on no thread" },
		{ "GoStatus dt=1 g=2 m=7 gstatus=3\nGoStatus dt=1 g=3 m=9 gstatus=3", NULL, NULL },
		{ "GoStatus dt=1 g=3 m=9 gstatus=3\nGoStatus dt=1 g=4 m=9 gstatus=3", NULL,
		  "holds goroutine 3" },
		{ "GoStatus dt=1 g=18446744073709551615 m=1 gstatus=1", NULL, "cannot be" },
		/* Two threads claim one goroutine; the second loses it. */
		{ "GoDestroy dt=50",
		  "GoStatus dt=9 g=1 m=8 gstatus=2\n" START8
		  "GoBlock dt=90 reason_string=0 stack=0",
		  "goroutine 1 does not exist" },
	};

	(void)state;
	JUDGE_ALL(cases);
}

static void syscalls(void **state)
{
	static const struct judged cases[] = {
		{ "GoSyscallBegin dt=1 p_seq=1 stack=0\nGoSyscallEnd dt=1", NULL, NULL },
		{ "GoSyscallBegin dt=1 p_seq=2 stack=0", NULL,
		  "number 2 of P 0 does not follow 0" },
		{ "GoSyscallEnd dt=1", NULL, "goroutine 1 is running, not in a syscall" },
		{ "GoSyscallBegin dt=1 p_seq=1 stack=0\nProcStop dt=1\nGoSyscallEnd dt=1", NULL,
		  "thread 7 has no P" },
		{ "GoSyscallBegin dt=1 p_seq=1 stack=0\nGoSyscallEndBlocked dt=1", NULL,
		  "nobody takes it" },
		{ "GoSyscallBegin dt=1 p_seq=1 stack=0\nProcStop dt=1\nGoSyscallEndBlocked dt=1",
		  NULL, NULL },
		{ "GoSyscallEndBlocked dt=1", NULL, "goroutine 1 is running" },
		{ "GoSyscallBegin dt=1 p_seq=1 stack=0\nGoBlock dt=1 reason_string=0 stack=0", NULL,
		  "goroutine 1 is in a syscall, not running" },
		{ "GoSyscallBegin dt=1 p_seq=1 stack=0\nGoCreate dt=1 new_g=9 new_stack=0 stack=0",
		  NULL, "its creator, goroutine 1, is in a syscall" },
		{ "GoCreateSyscall dt=1 new_g=2", NULL, "has goroutine 1 already" },
		/* A thread of C calls Go, and ends while it holds a P. */
		{ "HeapGoal dt=1 heapgoal_value=1",
		  "GoCreateSyscall dt=1 new_g=2\n" START8 "GoSyscallEndBlocked dt=1\n"
		  "GoStart dt=1 g=2 g_seq=1\nGoSyscallBegin dt=1 p_seq=2 stack=0\nGoDestroySyscall "
		  "dt=1\n"
		  "ProcSteal dt=1 p=1 p_seq=3 m=999\nProcStart dt=1 p=1 p_seq=4",
		  NULL },
		{ "GoDestroySyscall dt=1", NULL, "goroutine 1 is running" },
	};

	(void)state;
	JUDGE_ALL(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(procs), cmocka_unit_test(goroutines),
					    cmocka_unit_test(syscalls) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
