/* test_start.c - the state before the first record: what records imply, and what memory had. */
#include "unit/model/script.h"

/* What was read is the state of those that did nothing, with their stacks. */
static void test_snapshot_alone(void **state)
{
	struct script s;

	(void)state;
	script_init(&s);
	R(&s, HOOK_SNAP_P, 101, P(0), .x = 4, .y = 1);
	R(&s, HOOK_SNAP_P, 0, P(1), .x = 7, .y = 0);
	R(&s, HOOK_SNAP_M, 101, P(0), .x = GPTR(1));
	R(&s, HOOK_SNAP_G, 101, G(1), .gstatus = 0x1002);
	RS(&s, PCS(0x401001), HOOK_SNAP_G, 0, G(2), .gstatus = 4);
	R(&s, HOOK_SNAP_G, 0, G(3), .gstatus = 1);
	R(&s, HOOK_SNAP_G, 102, G(4), .gstatus = 3);
	R(&s, HOOK_SNAP_END, 0);
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "m101 p- g- ProcStatus p4 running\n"));
	assert_non_null(strstr((const char *)s.text.p, "ProcStatus p7 idle\n"));
	assert_non_null(strstr((const char *)s.text.p, "m101 p4 g- GoStatus g1 m101 running\n"));
	assert_non_null(strstr((const char *)s.text.p, "GoStatusStack g2 m- waiting [main.f4010_0]\n"));
	assert_non_null(strstr((const char *)s.text.p, "GoStatus g3 m- runnable\n"));
	assert_non_null(strstr((const char *)s.text.p, "GoStatus g4 m102 syscall\n"));
	script_done(&s);
}

/* The snapshot was read after it: a goroutine that was seen to wake was waiting at the start. */
static void test_records_tell_the_start(void **state)
{
	struct script s;

	(void)state;
	script_init(&s);
	R(&s, HOOK_READY, 101, G(2), P(0));
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	R(&s, HOOK_CREATE, 102, G(9), P(1), .x = 0x403000);
	R(&s, HOOK_SNAP_P, 101, P(0), .x = 0, .y = 1);
	R(&s, HOOK_SNAP_P, 102, P(1), .x = 1, .y = 1);
	R(&s, HOOK_SNAP_G, 0, G(1), .gstatus = 4);
	R(&s, HOOK_SNAP_G, 101, G(2), .gstatus = 2);
	R(&s, HOOK_SNAP_G, 0, G(9), .gstatus = 1);
	R(&s, HOOK_SNAP_END, 0);
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "GoStatus g2 m- waiting\n"));
	assert_non_null(strstr((const char *)s.text.p, "GoStatus g1 m101 running\n"));
	assert_null(strstr((const char *)s.text.p, "GoStatus g9")); /* it was not there yet */
	assert_non_null(strstr((const char *)s.text.p, "GoCreate g9 [main.f4030_0] []\n"));
	for (unsigned r = 0; r < REPAIR_COUNT; r++)
		assert_int_equal(s.stats.repairs[r], 0);
	script_done(&s);
}

/* The snapshot comes before the records of the time in which it was read; these tell the start. */
static void test_snapshot_arrives_first(void **state)
{
	struct script s;

	(void)state;
	script_init(&s);
	R(&s, HOOK_SNAP_P, 101, P(0), .x = 0, .y = 1, .ts = 1000000200);
	R(&s, HOOK_SNAP_G, 0, G(1), .gstatus = 4, .ts = 1000000200);
	R(&s, HOOK_SNAP_G, 101, G(2), .gstatus = 2, .ts = 1000000200);
	R(&s, HOOK_SNAP_END, 0, .ts = 1000000300);
	R(&s, HOOK_READY, 101, G(2), P(0), .ts = 1000000100);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4, .ts = 1000000110);
	R(&s, HOOK_EXECUTE, 101, G(2), P(0), .ts = 1000000120);
	R(&s, HOOK_PARK, 101, G(2), P(0), .x = 4, .ts = 1000000310);
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "GoStatus g2 m- waiting\n"));
	assert_non_null(strstr((const char *)s.text.p, "GoStatus g1 m101 running\n"));
	for (unsigned r = 0; r < REPAIR_COUNT; r++)
		assert_int_equal(s.stats.repairs[r], 0);
	script_done(&s);
}

/* One ended, and its structure served another, before memory was read: both are told. */
static void test_structure_used_twice_before_the_snapshot(void **state)
{
	struct script s;

	(void)state;
	script_init(&s);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	R(&s, HOOK_EXECUTE, 101, .g = GPTR(8), .goid = 8, P(0));
	R(&s, HOOK_READY, 101, G(1), P(0));
	R(&s, HOOK_EXIT, 101, .g = GPTR(8), P(0));
	R(&s, HOOK_EXECUTE, 101, G(1), P(0));
	R(&s, HOOK_CREATE, 101, .g = GPTR(8), .goid = 9, P(0), .x = 0x403000, .y = 1);
	R(&s, HOOK_SNAP_P, 101, P(0), .x = 0, .y = 1);
	R(&s, HOOK_SNAP_G, 101, G(1), .gstatus = 2);
	R(&s, HOOK_SNAP_G, 0, .g = GPTR(8), .goid = 9, .gstatus = 1);
	R(&s, HOOK_SNAP_END, 0);
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "GoStatus g8 m- runnable\n"));
	assert_null(strstr((const char *)s.text.p, "GoStatus g9"));
	assert_non_null(strstr((const char *)s.text.p, "g8 GoDestroy\n"));
	assert_non_null(strstr((const char *)s.text.p, "g1 GoCreate g9 [main.f4030_0] []\n"));
	for (unsigned r = 0; r < REPAIR_COUNT; r++)
		assert_int_equal(s.stats.repairs[r], 0);
	script_done(&s);
}

/* newproc1 lists a goroutine before its probe is hit: the snapshot can know it already. */
static void test_snapshot_met_it_before_its_probe(void **state)
{
	struct script s;

	(void)state;
	script_init(&s);
	R(&s, HOOK_SNAP_P, 101, P(0), .x = 0, .y = 1);
	R(&s, HOOK_SNAP_G, 101, G(1), .gstatus = 2);
	R(&s, HOOK_SNAP_G, 0, G(5), .gstatus = 1);
	R(&s, HOOK_SNAP_END, 0);
	R(&s, HOOK_CREATE, 101, G(5), P(0), .x = 0x403000, .y = 1);
	script_run(&s);
	assert_null(strstr((const char *)s.text.p, "GoStatus g5"));
	assert_non_null(strstr((const char *)s.text.p, "g1 GoCreate g5 [main.f4030_0] []\n"));
	for (unsigned r = 0; r < REPAIR_COUNT; r++)
		assert_int_equal(s.stats.repairs[r], 0);
	script_done(&s);
}

/* It left the kernel before the attach, and finds another P after it. */
static void test_returns_from_an_old_syscall(void **state)
{
	struct script s;

	(void)state;
	script_init(&s);
	R(&s, HOOK_SNAP_P, 0, P(0), .x = 0, .y = 0);
	R(&s, HOOK_SNAP_G, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SNAP_END, 0);
	R(&s, HOOK_ACQUIRE, 101, P(0), .x = 0);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	script_expect_more(&s, "m101 p- g1 ProcStart p0\n"
			       "m101 p0 g1 GoSyscallEndBlocked\n"
			       "m101 p0 g- GoStart g1\n"
			       "m101 p0 g1 GoBlock \"chan receive\" []\n");
	for (unsigned r = 0; r < REPAIR_COUNT; r++)
		assert_int_equal(s.stats.repairs[r], 0);
	script_done(&s);
}

/* Memory had the runtime's mark of a syscall, and phase off of a GC that was about to end. */
static void test_caught_between_mark_and_record(void **state)
{
	struct script s;

	(void)state;
	script_init(&s);
	R(&s, HOOK_SNAP_P, 0, P(0), .x = 0, .y = 2);
	R(&s, HOOK_SNAP_M, 101, .x = GPTR(1), .y = PPTR(0), .m = 0xc000200000);
	R(&s, HOOK_SNAP_G, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SNAP_GC, 0, .x = 0, .y = 1);
	R(&s, HOOK_SNAP_END, 0);
	s.ts += 10000000;
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1), .gstatus = 3);
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), .gstatus = 3);
	R(&s, HOOK_GC_END, 101, G(1), P(0));
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	script_expect_more(&s, "m101 p0 g1 GoSyscallEnd\n"
			       "m101 p0 g1 ProcsChange 1 []\n"
			       "m101 p0 g1 GoBlock \"chan receive\" []\n");
	for (unsigned r = 0; r < REPAIR_COUNT; r++)
		assert_int_equal(s.stats.repairs[r], 0);
	script_done(&s);
}

/* One ended before its number could be read: it is not told, and nothing else is. */
static void test_ends_unnamed(void **state)
{
	struct script s;

	(void)state;
	script_init(&s);
	R(&s, HOOK_EXIT, 101, .g = GPTR(8));
	R(&s, HOOK_EXECUTE, 101, G(1));
	R(&s, HOOK_SYSCALL_ENTER, 101, G(1));
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), P(0), .x = 0x700000007, .y = 2);
	R(&s, HOOK_CREATE, 101, .g = GPTR(8), .goid = 9, P(0), .x = 0x403000, .y = 1);
	R(&s, HOOK_SNAP_P, 101, P(0), .x = 0, .y = 1);
	R(&s, HOOK_SNAP_G, 101, G(1), .gstatus = 2);
	R(&s, HOOK_SNAP_END, 0);
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "m101 p- g- ProcStatus p0 running\n"));
	assert_non_null(strstr((const char *)s.text.p, "GoStatus g1 m- runnable\n"));
	assert_non_null(strstr((const char *)s.text.p, "m101 p0 g- GoStart g1\n"));
	assert_null(strstr((const char *)s.text.p, "GoDestroy"));
	for (unsigned r = 0; r < REPAIR_COUNT; r++)
		assert_int_equal(s.stats.repairs[r], 0);
	script_done(&s);
}

static void test_in_a_syscall_at_the_start(void **state)
{
	struct script s;

	(void)state;
	script_init(&s);
	s.opts.go_minor = 25;
	R(&s, HOOK_SYSCALL_EXIT, 101, G(1), P(0), .x = 0x700000007, .y = 2);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	R(&s, HOOK_SNAP_P, 101, P(0), .x = 0, .y = 1);
	R(&s, HOOK_SNAP_G, 0, G(1), .gstatus = 4);
	R(&s, HOOK_SNAP_END, 0);
	script_expect(&s, "m101 p0 g1 GoSyscallEnd\n"
			  "m101 p0 g1 GoBlock \"chan receive\" []\n");
}

/* Without any snapshot the records must do. */
static void test_no_snapshot(void **state)
{
	struct script s;

	(void)state;
	script_init(&s);
	R(&s, HOOK_EXECUTE, 101, G(1), P(0));
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	script_expect(&s, "m101 p0 g- GoStart g1\n"
			  "m101 p0 g1 GoBlock \"chan receive\" []\n");
}

static void test_nothing_at_all(void **state)
{
	struct script s;

	(void)state;
	script_init(&s);
	assert_int_equal(lab_run(&s.opts, &s.recs, &s.trace, &s.stats), 0);
	assert_int_equal(s.trace.len, 16); /* the header */
	assert_int_equal(s.stats.generations, 0);
	script_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snapshot_alone),
		cmocka_unit_test(test_records_tell_the_start),
		cmocka_unit_test(test_snapshot_arrives_first),
		cmocka_unit_test(test_structure_used_twice_before_the_snapshot),
		cmocka_unit_test(test_ends_unnamed),
		cmocka_unit_test(test_caught_between_mark_and_record),
		cmocka_unit_test(test_returns_from_an_old_syscall),
		cmocka_unit_test(test_snapshot_met_it_before_its_probe),
		cmocka_unit_test(test_in_a_syscall_at_the_start),
		cmocka_unit_test(test_no_snapshot),
		cmocka_unit_test(test_nothing_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
