/* test_apply.c - what each kind of record becomes when nothing was lost. */
#include "unit/model/script.h"

/* Asks for exactly these lines, and that nothing was repaired. */
static void expect_clean(struct script *s, const char *want)
{
	script_expect_more(s, want);
	script_repairs(s, REPAIR_IGNORED, 0);
	script_done(s);
}

static void test_execute(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	R(&s, HOOK_EXECUTE, 101, G(3), P(0));
	expect_clean(&s, "m101 p0 g1 GoBlock \"chan receive\" []\n"
			 "m101 p0 g- GoStart g3\n");
}

static void test_execute_labels_gc_workers(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	R(&s, HOOK_EXECUTE, 101, G(3), P(0), .x = 1);
	R(&s, HOOK_GOSCHED, 101, G(3), P(0), .x = 2);
	R(&s, HOOK_EXECUTE, 101, G(3), P(0), .x = 3);
	expect_clean(&s, "m101 p0 g1 GoBlock \"chan receive\" []\n"
			 "m101 p0 g- GoStart g3\n"
			 "m101 p0 g3 GoLabel \"GC (dedicated)\"\n"
			 "m101 p0 g3 GoStop \"preempted\" []\n"
			 "m101 p0 g- GoStart g3\n"
			 "m101 p0 g3 GoLabel \"GC (idle)\"\n");
}

static void test_park_has_reason_and_stack(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	RS(&s, PCS(0x401001, 0x402001), HOOK_PARK, 101, G(1), P(0), .x = 6, .skip = 1);
	expect_clean(&s, "m101 p0 g1 GoBlock \"sleep\" [main.f4020_0]\n");
}

static void test_unknown_reason(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 99);
	expect_clean(&s, "m101 p0 g1 GoBlock \"unspecified\" []\n");
}

static void test_ready_and_inject(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	RS(&s, PCS(0x401001), HOOK_READY, 101, G(2), P(0), .x = GPTR(1));
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 2);
	R(&s, HOOK_INJECT, 101, G(1), P(0));
	expect_clean(&s, "m101 p0 g1 GoUnblock g2 [main.f4010_0]\n"
			 "m101 p0 g1 GoBlock \"network\" []\n"
			 "m101 p0 g- GoUnblock g1 []\n");
}

static void test_create_and_exit(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	RS(&s, PCS(0x401001), HOOK_CREATE, 101, G(5), P(0), .x = 0x403000, .y = 1, .gstatus = 1);
	R(&s, HOOK_EXIT, 101, G(1), P(0));
	R(&s, HOOK_EXECUTE, 101, G(5), P(0));
	expect_clean(&s, "m101 p0 g1 GoCreate g5 [main.f4030_0] [main.f4010_0]\n"
			 "m101 p0 g1 GoDestroy\n"
			 "m101 p0 g- GoStart g5\n");
}

static void test_gosched_and_preempt_park(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_GOSCHED, 101, G(1), P(0), .x = 1);
	R(&s, HOOK_EXECUTE, 101, G(1), P(0));
	R(&s, HOOK_PREEMPT_PARK, 101, G(1), P(0));
	expect_clean(&s, "m101 p0 g1 GoStop \"runtime.Gosched\" []\n"
			 "m101 p0 g- GoStart g1\n"
			 "m101 p0 g1 GoBlock \"preempted\" []\n");
}

static void test_startlockedm_wakes_waiting_only(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_STARTLOCKEDM, 101, G(2), P(0));
	R(&s, HOOK_STARTLOCKEDM, 101, G(2), P(0));
	expect_clean(&s, "m101 p0 g1 GoUnblock g2 []\n");
}

static void test_coroswitch(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_CREATE, 101, G(5), P(0), .x = 0x403000, .gstatus = 4);
	R(&s, HOOK_COROSWITCH, 101, G(1), P(0), .x = GPTR(5), .y = 5);
	R(&s, HOOK_COROSWITCH, 101, G(5), P(0), .x = GPTR(1), .y = 1, .flags = REC_F_COROEXIT);
	expect_clean(&s, "m101 p0 g1 GoCreateBlocked g5 [main.f4030_0] []\n"
			 "m101 p0 g1 GoSwitch g5\n"
			 "m101 p0 g1 GoBlock \"\" []\n"
			 "m101 p0 g- GoStart g5\n"
			 "m101 p0 g5 GoSwitchDestroy g1\n"
			 "m101 p0 g5 GoDestroy\n"
			 "m101 p0 g- GoStart g1\n");
}

static void test_unreadable_goroutine(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PARK, 101, P(0), .x = 4);
	R(&s, HOOK_PARK, 101, .g = 0xc000000000, .goid = UINT64_MAX, P(0), .x = 4);
	script_expect_more(&s, "");
	script_repairs(&s, REPAIR_IGNORED, 2);
	script_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_execute),
		cmocka_unit_test(test_execute_labels_gc_workers),
		cmocka_unit_test(test_park_has_reason_and_stack),
		cmocka_unit_test(test_unknown_reason),
		cmocka_unit_test(test_ready_and_inject),
		cmocka_unit_test(test_create_and_exit),
		cmocka_unit_test(test_gosched_and_preempt_park),
		cmocka_unit_test(test_startlockedm_wakes_waiting_only),
		cmocka_unit_test(test_coroswitch),
		cmocka_unit_test(test_unreadable_goroutine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
