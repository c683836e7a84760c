/* test_repair.c - each kind of repair, provoked by the record that was lost. */
#include "unit/model/script.h"

static void expect_repair(struct script *s, enum repair kind, uint64_t cnt, const char *want)
{
	script_expect_more(s, want);
	script_repairs(s, kind, cnt);
	script_done(s);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned r = 0; r < REPAIR_COUNT; r++)
		assert_non_null(repair_name(r));
	assert_true(repair_expected(REPAIR_UNBLOCK));
	assert_true(repair_expected(REPAIR_REWIRE));
	assert_false(repair_expected(REPAIR_VANISH));
}

/* The poller wakes without a probe. */
static void test_unblock(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 2);
	R(&s, HOOK_EXECUTE, 101, G(1), P(0));
	expect_repair(&s, REPAIR_UNBLOCK, 1,
		      "m101 p0 g1 GoBlock \"network\" []\n"
		      "m101 p0 g- GoUnblock g1 []\n"
		      "m101 p0 g- GoStart g1\n");
}

/* Its start was lost. */
static void test_start(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	R(&s, HOOK_READY, 101, G(2), P(0));
	R(&s, HOOK_PARK, 101, G(2), P(0), .x = 6);
	expect_repair(&s, REPAIR_START, 1,
		      "m101 p0 g1 GoBlock \"chan receive\" []\n"
		      "m101 p0 g- GoUnblock g2 []\n"
		      "m101 p0 g- GoStart g2\n"
		      "m101 p0 g2 GoBlock \"sleep\" []\n");
}

/* Its park was lost: another runs on its thread. */
static void test_stop(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PROCRESIZE, 101, G(1), P(0), .x = 2);
	R(&s, HOOK_EXECUTE, 101, G(3), P(0));
	expect_repair(&s, REPAIR_STOP, 1,
		      "m101 p0 g1 ProcsChange 2 []\n"
		      "m101 p0 g1 GoStop \"preempted\" []\n"
		      "m101 p0 g- GoStart g3\n");
}

/* Its park was lost: it is woken while it runs. */
static void test_block(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PROCRESIZE, 101, G(1), P(0), .x = 2);
	R(&s, HOOK_READY, 103, G(1));
	expect_repair(&s, REPAIR_BLOCK, 1,
		      "m101 p0 g1 ProcsChange 2 []\n"
		      "m101 p0 g1 GoBlock \"unspecified\" []\n"
		      "m103 p- g- GoUnblock g1 []\n");
}

/* Its end was lost: the structure serves another. Readers see it end. */
static void test_vanish(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	R(&s, HOOK_EXECUTE, 101, G(3), P(0));
	R(&s, HOOK_CREATE, 101, .g = GPTR(2), .goid = 7, P(0), .x = 0x403000);
	expect_repair(&s, REPAIR_VANISH, 1,
		      "m101 p0 g1 GoBlock \"chan receive\" []\n"
		      "m101 p0 g- GoStart g3\n"
		      "m101 p0 g3 GoUnblock g2 []\n"
		      "m101 p0 g3 GoStop \"preempted\" []\n"
		      "m101 p0 g- GoStart g2\n"
		      "m101 p0 g2 GoDestroy\n"
		      "m101 p0 g- GoStart g3\n"
		      "m101 p0 g3 GoCreate g7 [main.f4030_0] []\n");
}

static void test_vanish_while_running(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PROCRESIZE, 101, G(1), P(0), .x = 2);
	R(&s, HOOK_ACQUIRE, 102, P(1), .x = 1);
	R(&s, HOOK_EXECUTE, 102, G(3), P(1));
	R(&s, HOOK_CREATE, 102, .g = GPTR(1), .goid = 7, P(1), .x = 0x403000);
	expect_repair(&s, REPAIR_VANISH, 1,
		      "m101 p0 g1 ProcsChange 2 []\n"
		      "m102 p- g- ProcStart p1\n"
		      "m102 p1 g- GoStart g3\n"
		      "m101 p0 g1 GoDestroy\n"
		      "m102 p1 g3 GoCreate g7 [main.f4030_0] []\n");
}

/* Nobody created it. */
static void test_create(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	R(&s, HOOK_LOST, 0, .x = 1);
	s.ts += 100;
	R(&s, HOOK_NOTE, 0);
	script_run(&s); /* first: what is there with the first generation's knowledge alone */
	assert_int_equal(s.stats.lost, 1);
	script_done(&s);

	script_begin(&s);
	R(&s, HOOK_CREATE, 101, G(5), P(0), .x = 0x403000);
	R(&s, HOOK_CREATE, 101, G(5), P(0), .x = 0x403000);
	expect_repair(&s, REPAIR_IGNORED, 1, "m101 p0 g1 GoCreate g5 [main.f4030_0] []\n");
}

/* A P is used on another thread: its release was lost. */
static void test_proc_stop(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	R(&s, HOOK_ACQUIRE, 102, P(0), .x = 0);
	expect_repair(&s, REPAIR_PROC_STOP, 1,
		      "m101 p0 g1 GoBlock \"chan receive\" []\n"
		      "m101 p0 g- ProcStop\n"
		      "m102 p- g- ProcStart p0\n");
}

/* The end of a syscall was lost. */
static void test_syscall_end(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), P(0));
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	expect_repair(&s, REPAIR_SYSCALL_END, 1,
		      "m101 p0 g1 GoSyscallBegin []\n"
		      "m101 p0 g1 GoSyscallEnd\n"
		      "m101 p0 g1 GoBlock \"chan receive\" []\n");
}

/* The begin of a syscall was lost: no event, it did not lose its P. */
static void test_syscall_begin(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PROCRESIZE, 101, G(1), P(0), .x = 2);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), P(0), .x = 0x700000007, .y = 2);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	expect_repair(&s, REPAIR_SYSCALL_BEGIN, 1,
		      "m101 p0 g1 ProcsChange 2 []\n"
		      "m101 p0 g1 GoBlock \"chan receive\" []\n");
}

/* A cycle that begins twice, one that ends twice. */
static void test_gc(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_GC_BEGIN, 101, G(1), P(0));
	R(&s, HOOK_GC_BEGIN, 101, G(1), P(0));
	R(&s, HOOK_GC_END, 101, G(1), P(0));
	R(&s, HOOK_GC_END, 101, G(1), P(0));
	expect_repair(&s, REPAIR_GC, 2,
		      "m101 p0 g1 GCBegin []\n"
		      "m101 p0 g1 GCEnd\n"
		      "m101 p0 g1 GCBegin []\n"
		      "m101 p0 g1 GCEnd\n");
}

/* Its taking of the P was lost: it runs a goroutine with it. */
static void test_proc_start(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_EXECUTE, 102, G(3), P(1));
	expect_repair(&s, REPAIR_PROC_START, 1,
		      "m102 p- g- ProcStart p1\n"
		      "m102 p1 g- GoStart g3\n");
}

/* Its creation was lost: it starts, never seen before. */
static void test_start_of_an_unknown(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	R(&s, HOOK_EXECUTE, 101, G(9), P(0));
	expect_repair(&s, REPAIR_CREATE, 1,
		      "m101 p0 g1 GoBlock \"chan receive\" []\n"
		      "m101 p0 g- GoCreate g9 [] []\n"
		      "m101 p0 g- GoStart g9\n");
}

/* The world stops, and takes a P from a syscall, without a probe. */
static void test_steal(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), P(0));
	R(&s, HOOK_ACQUIRE, 102, P(0), .x = 0);
	expect_repair(&s, REPAIR_STEAL, 1,
		      "m101 p0 g1 GoSyscallBegin []\n"
		      "m102 p- g- ProcSteal p0 m101\n"
		      "m102 p- g- ProcStart p0\n");
}

/* What a plan does not watch is no surprise; what it does watch still is. */
static void test_plans_leave_to_infer(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PLAN, 0, .x = REC_PLAN_STOP);
	R(&s, HOOK_PARK, 101, .g = GPTR(1), .x = 4);
	R(&s, HOOK_PARK, 101, .g = GPTR(3), .x = 4); /* its start is not watched */
	script_run(&s);
	assert_int_equal(s.stats.repairs[REPAIR_PLAN], 1);
	assert_int_equal(s.stats.repairs[REPAIR_START], 0);
	script_done(&s);

	script_begin(&s);
	R(&s, HOOK_PLAN, 0, .x = REC_PLAN_LEAN);
	R(&s, HOOK_EXECUTE, 101, G(3), P(0)); /* g1 left the thread unwatched */
	script_run(&s);
	assert_int_equal(s.stats.repairs[REPAIR_PLAN], 1);
	assert_int_equal(s.stats.repairs[REPAIR_STOP], 0);
	script_done(&s);

	script_begin(&s);
	R(&s, HOOK_PLAN, 0, .x = REC_PLAN_LEAN);
	R(&s, HOOK_EXIT, 101, G(3), P(0)); /* its start should have been seen */
	script_run(&s);
	assert_int_equal(s.stats.repairs[REPAIR_START], 1);
	script_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_unblock),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_vanish),
		cmocka_unit_test(test_vanish_while_running),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_proc_stop),
		cmocka_unit_test(test_syscall_end),
		cmocka_unit_test(test_syscall_begin),
		cmocka_unit_test(test_gc),
		cmocka_unit_test(test_proc_start),
		cmocka_unit_test(test_start_of_an_unknown),
		cmocka_unit_test(test_steal),
		cmocka_unit_test(test_plans_leave_to_infer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
