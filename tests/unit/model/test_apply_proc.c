/* test_apply_proc.c - syscalls, who keeps, loses and takes the P, and threads that C made. */
#include "unit/model/script.h"

/* Asks for exactly these lines, and that nothing was repaired. */
static void expect_clean(struct script *s, const char *want)
{
	script_expect_more(s, want);
	script_repairs(s, REPAIR_IGNORED, 0);
	script_done(s);
}

static void test_procs(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_ACQUIRE, 102, P(1), .x = 1);
	R(&s, HOOK_EXECUTE, 102, G(3), P(1));
	R(&s, HOOK_GOSCHED, 102, G(3), P(1), .x = 2);
	R(&s, HOOK_RELEASE, 102, P(1));
	expect_clean(&s, "m102 p- g- ProcStart p1\n"
			 "m102 p1 g- GoStart g3\n"
			 "m102 p1 g3 GoStop \"preempted\" []\n"
			 "m102 p1 g- ProcStop\n");
}

/* Equal ticks: the P was kept. Told when the next record shows it, at the time it was. */
static void test_syscall_kept(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	s.times = true;
	RS(&s, PCS(0x401001), HOOK_SYSCALL_ENTER, 101, G(1), P(0));
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), P(0), .x = 0x700000007, .y = 2);
	s.ts += 100 * 32;
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "g1 GoSyscallBegin [main.f4010_0]\n"));
	assert_non_null(strstr((const char *)s.text.p, "95 m101 p0 g1 GoSyscallEnd\n"));
	assert_non_null(strstr((const char *)s.text.p, "3263 m101 p0 g1 GoBlock"));
	script_repairs(&s, REPAIR_IGNORED, 0);
	script_done(&s);
}

/* Go 1.26: the P is taken by sysmon, the goroutine finds another. */
static void test_syscall_lost_and_another_p(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), P(0));
	R(&s, HOOK_STEAL, 103, P(0), .x = 0xc000200000 + 101 * 0x800);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), P(0), .x = 0x700000008);
	R(&s, HOOK_ACQUIRE, 101, P(1), .x = 1);
	R(&s, HOOK_PARK, 101, G(1), P(1), .x = 4);
	expect_clean(&s, "m101 p0 g1 GoSyscallBegin []\n"
			 "m103 p- g- ProcSteal p0 m101\n"
			 "m101 p- g1 ProcStart p1\n"
			 "m101 p1 g1 GoSyscallEndBlocked\n"
			 "m101 p1 g- GoStart g1\n"
			 "m101 p1 g1 GoBlock \"chan receive\" []\n");
}

/* Up to 1.25 the victim may see its P taken, and have another, before sysmon tells that it took it. */
static void test_syscall_lost_before_the_thief_tells(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), P(0));
	R(&s, HOOK_HANDOFF, 103, P(0));
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), P(0), .x = 0x700000008, .y = 0);
	R(&s, HOOK_ACQUIRE, 101, P(1), .x = 1);
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), P(1));
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), P(1), .x = 0x700000007, .y = 2);
	R(&s, HOOK_ACQUIRE, 101, P(0), .x = 0);
	R(&s, HOOK_HANDOFF, 103, P(1));
	script_expect_more(&s, "m101 p0 g1 GoSyscallBegin []\n"
			       "m103 p- g- ProcSteal p0 m101\n"
			       "m101 p- g1 ProcStart p1\n"
			       "m101 p1 g1 GoSyscallEndBlocked\n"
			       "m101 p1 g- GoStart g1\n"
			       "m101 p1 g1 GoSyscallBegin []\n"
			       "m103 p- g- ProcSteal p1 m101\n"
			       "m101 p- g1 ProcStart p0\n"
			       "m101 p0 g1 GoSyscallEndBlocked\n"
			       "m101 p0 g- GoStart g1\n");
	script_repairs(&s, REPAIR_STEAL, 1);
	script_done(&s);
}

/* Who stops the world takes the Ps of syscalls and does not say so. */
static void test_syscall_lost_to_a_stop(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	s.opts.go_minor = 24;
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), P(0));
	R(&s, HOOK_HANDOFF, 103, P(0));
	R(&s, HOOK_ACQUIRE, 102, P(0), .x = 0);
	R(&s, HOOK_EXECUTE, 102, G(3), P(0));
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), P(0), .x = 0x700000008);
	R(&s, HOOK_ACQUIRE, 101, P(1), .x = 1);
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), P(1));
	R(&s, HOOK_STW_BEGIN, 102, G(3), P(0), .x = 1);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), P(1), .x = 0x800000008, .y = 3);
	R(&s, HOOK_SYSCALL_NOP, 101, G(1));
	script_expect_more(&s, "m101 p0 g1 GoSyscallBegin []\n"
			       "m103 p- g- ProcSteal p0 m101\n"
			       "m102 p- g- ProcStart p0\n"
			       "m102 p0 g- GoStart g3\n"
			       "m101 p- g1 ProcStart p1\n"
			       "m101 p1 g1 GoSyscallEndBlocked\n"
			       "m101 p1 g- GoStart g1\n"
			       "m101 p1 g1 GoSyscallBegin []\n"
			       "m102 p0 g3 STWBegin \"GC sweep termination\" []\n"
			       "m102 p0 g3 ProcSteal p1 m101\n"
			       "m101 p- g1 GoSyscallEndBlocked\n");
	script_repairs(&s, REPAIR_STEAL, 1);
	script_done(&s);
}

/* Up to 1.25 a thread takes back the P that it had before out of another one's syscall. */
static void test_syscall_lost_to_the_p_before(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	s.opts.go_minor = 24;
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), P(0));
	R(&s, HOOK_HANDOFF, 103, P(0));
	R(&s, HOOK_ACQUIRE, 102, P(0), .x = 0);
	R(&s, HOOK_EXECUTE, 102, G(3), P(0));
	R(&s, HOOK_SYSCALL_ENTER, 102, G(3), P(0));
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), P(0), .x = 0x600000007, .y = 2);
	R(&s, HOOK_SYSCALL_EXIT, 102, G(3), P(0), .x = 0x700000007, .y = 2);
	R(&s, HOOK_SYSCALL_NOP, 102, G(3));
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	script_expect_more(&s, "m101 p0 g1 GoSyscallBegin []\n"
			       "m103 p- g- ProcSteal p0 m101\n"
			       "m102 p- g- ProcStart p0\n"
			       "m102 p0 g- GoStart g3\n"
			       "m102 p0 g3 GoSyscallBegin []\n"
			       "m101 p- g1 ProcSteal p0 m102\n"
			       "m102 p- g3 GoSyscallEndBlocked\n"
			       "m101 p- g1 ProcStart p0\n"
			       "m101 p0 g1 GoSyscallEndBlocked\n"
			       "m101 p0 g- GoStart g1\n"
			       "m101 p0 g1 GoBlock \"chan receive\" []\n");
	assert_int_equal(s.stats.repairs[REPAIR_STEAL], 1);
	assert_int_equal(s.stats.repairs[REPAIR_REWIRE], 1);
	script_done(&s);
}

/*
 * With the kernel's tracepoints a P can be taken between the runtime's own mark of a syscall and the
 * kernel's entry: the thief tells first, the entry says nothing more, the next one is its own.
 */
static void test_p_taken_before_the_syscall_is_told(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), .gstatus = 3);
	R(&s, HOOK_CREATE, 101, G(5), P(0), .x = 0x403000, .y = 1, .gstatus = 1);
	R(&s, HOOK_STEAL, 103, P(0), .x = 0xc000200000 + 101 * 0x800);
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), .gstatus = 3);
	R(&s, HOOK_ACQUIRE, 101, P(1), .x = 1);
	RS(&s, PCS(0x401001), HOOK_SYSCALL_ENTER, 101, G(1), .gstatus = 3);
	script_expect_more(&s, "m101 p0 g1 GoSyscallBegin []\n"
			       "m101 p0 g1 GoSyscallEnd\n"
			       "m101 p0 g1 GoCreate g5 [main.f4030_0] []\n"
			       "m101 p0 g1 GoSyscallBegin []\n"
			       "m103 p- g- ProcSteal p0 m101\n"
			       "m101 p- g1 ProcStart p1\n"
			       "m101 p1 g1 GoSyscallEndBlocked\n"
			       "m101 p1 g- GoStart g1\n"
			       "m101 p1 g1 GoSyscallBegin [main.f4010_0]\n");
	script_repairs(&s, REPAIR_STEAL, 1);
	script_done(&s);
}

/* The same while the end of the syscall before is not decided: both become one. */
static void test_p_taken_before_the_next_syscall_is_told(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), .gstatus = 3);
	R(&s, HOOK_STEAL, 103, P(0), .x = 0xc000200000 + 101 * 0x800);
	R(&s, HOOK_ACQUIRE, 103, P(0));
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SYSCALL_NOP, 101, G(1));
	script_expect_more(&s, "m101 p0 g1 GoSyscallBegin []\n"
			       "m103 p- g- ProcSteal p0 m101\n"
			       "m103 p- g- ProcStart p0\n"
			       "m101 p- g1 GoSyscallEndBlocked\n");
	script_repairs(&s, REPAIR_STEAL, 1);
	script_done(&s);
}

static void test_syscall_ends_without_p(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_SYSCALL_BLOCK, 101, G(1), P(0));
	R(&s, HOOK_STEAL, 101, P(0));
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), P(0), .x = 0x700000008);
	R(&s, HOOK_SYSCALL_NOP, 101, G(1));
	expect_clean(&s, "m101 p0 g1 GoSyscallBegin []\n"
			 "m101 p0 g1 ProcSteal p0 m101\n"
			 "m101 p- g1 GoSyscallEndBlocked\n");
}

/* Up to 1.25 the old P is wired again without a hook: an expected repair. */
static void test_syscall_rewired(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	s.opts.go_minor = 24;
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), P(0));
	R(&s, HOOK_HANDOFF, 103, P(0));
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), P(0), .x = 0x700000008, .y = 0);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	script_expect_more(&s, "m101 p0 g1 GoSyscallBegin []\n"
			       "m103 p- g- ProcSteal p0 m101\n"
			       "m101 p- g1 ProcStart p0\n"
			       "m101 p0 g1 GoSyscallEndBlocked\n"
			       "m101 p0 g- GoStart g1\n"
			       "m101 p0 g1 GoBlock \"chan receive\" []\n");
	script_repairs(&s, REPAIR_REWIRE, 1);
	script_done(&s);
}

static void test_gcwait_by_version(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), P(0));
	R(&s, HOOK_GCWAIT, 101, P(0));
	expect_clean(&s, "m101 p0 g1 GoSyscallBegin []\n"
			 "m101 p0 g1 ProcStop\n");
	script_begin(&s);
	s.opts.go_minor = 25;
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), P(0));
	R(&s, HOOK_GCWAIT, 101, P(0));
	expect_clean(&s, "m101 p0 g1 GoSyscallBegin []\n"
			 "m101 p0 g1 ProcSteal p0 m101\n");
}

/* With the kernel's tracepoints the runtime gives up the P before the syscall is told. */
static void test_gcwait_before_the_syscall_is_told(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), .gstatus = 3);
	R(&s, HOOK_GCWAIT, 101, P(0));
	RS(&s, PCS(0x401001), HOOK_SYSCALL_ENTER, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SYSCALL_NOP, 101, G(1));
	R(&s, HOOK_ACQUIRE, 101, P(0));
	R(&s, HOOK_EXECUTE, 101, G(1));
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), .gstatus = 3);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	expect_clean(&s, "m101 p0 g1 GoSyscallBegin []\n"
			 "m101 p0 g1 GoSyscallEnd\n"
			 "m101 p0 g1 GoSyscallBegin [main.f4010_0]\n"
			 "m101 p0 g1 ProcStop\n"
			 "m101 p- g1 GoSyscallEndBlocked\n"
			 "m101 p- g- ProcStart p0\n"
			 "m101 p0 g- GoStart g1\n"
			 "m101 p0 g1 GoSyscallBegin []\n"
			 "m101 p0 g1 GoSyscallEnd\n"
			 "m101 p0 g1 GoBlock \"chan receive\" []\n");
}

/* That record never comes: the call is one that the tracepoints pass over, or its record was lost. */
static void test_gcwait_of_a_syscall_not_told(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), .gstatus = 3);
	R(&s, HOOK_GCWAIT, 101, P(0));
	R(&s, HOOK_ACQUIRE, 101, P(0));
	R(&s, HOOK_PARK, 101, G(1), .x = 4);
	R(&s, HOOK_EXECUTE, 101, G(3));
	R(&s, HOOK_SYSCALL_ENTER, 101, G(3), .gstatus = 3);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(3), .gstatus = 3);
	R(&s, HOOK_PARK, 101, G(3), .x = 4);
	script_expect(&s, "m101 p0 g1 GoSyscallBegin []\n"
			  "m101 p0 g1 GoSyscallEnd\n"
			  "m101 p0 g1 GoBlock \"chan receive\" []\n"
			  "m101 p0 g- GoStart g3\n"
			  "m101 p0 g3 GoSyscallBegin []\n"
			  "m101 p0 g3 GoSyscallEnd\n"
			  "m101 p0 g3 GoBlock \"chan receive\" []\n");
}

/* A callback from a thread that C made. */
static void test_needm_dropm(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_NEEDM, 107);
	R(&s, HOOK_SYSCALL_EXIT, 107, G(9), .x = 1);
	R(&s, HOOK_ACQUIRE, 107, P(1), .x = 1);
	R(&s, HOOK_SYSCALL_ENTER, 107, G(9), P(1));
	R(&s, HOOK_DROPM, 107, G(9), P(1));
	R(&s, HOOK_STEAL, 101, P(1));
	expect_clean(&s, "m107 p- g- GoCreateSyscall g9\n"
			 "m107 p- g9 ProcStart p1\n"
			 "m107 p1 g9 GoSyscallEndBlocked\n"
			 "m107 p1 g- GoStart g9\n"
			 "m107 p1 g9 GoSyscallBegin []\n"
			 "m107 p1 g9 ProcSteal p1 m0\n" /* what readers make of it: p1 is idle */
			 "m107 p1 g9 GoDestroySyscall\n"
			 "m101 p0 g1 ProcSteal p1 m101\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_procs),
		cmocka_unit_test(test_syscall_kept),
		cmocka_unit_test(test_syscall_lost_and_another_p),
		cmocka_unit_test(test_syscall_lost_before_the_thief_tells),
		cmocka_unit_test(test_syscall_lost_to_a_stop),
		cmocka_unit_test(test_syscall_lost_to_the_p_before),
		cmocka_unit_test(test_p_taken_before_the_syscall_is_told),
		cmocka_unit_test(test_p_taken_before_the_next_syscall_is_told),
		cmocka_unit_test(test_syscall_ends_without_p),
		cmocka_unit_test(test_syscall_rewired),
		cmocka_unit_test(test_gcwait_by_version),
		cmocka_unit_test(test_gcwait_before_the_syscall_is_told),
		cmocka_unit_test(test_gcwait_of_a_syscall_not_told),
		cmocka_unit_test(test_needm_dropm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
