/* test_annotate.c - tasks and regions stay what readers accept, whatever was lost. */
#include "unit/model/script.h"

static void note(struct script *s, unsigned hook, uint64_t x, uint64_t y, const char *one,
		 const char *two)
{
	s->ts += 10;
	lab_add_text(&s->recs,
		     (struct rec){ .hook = (uint8_t)hook, .tid = 101, G(1), .ts = s->ts, .x = x, .y = y },
		     one, two);
}

static void test_all_kinds(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	note(&s, HOOK_TASK_BEGIN, 5, 0, "job", "");
	note(&s, HOOK_REGION, 5, 0, "part", "");
	note(&s, HOOK_LOG, 5, 3, "key", "message");
	note(&s, HOOK_REGION, 5, 1, "part", "");
	note(&s, HOOK_TASK_END, 5, 0, "", "");
	script_expect_more(&s, "m101 p0 g1 UserTaskBegin 5 18446744073709551615 \"job\" []\n"
			       "m101 p0 g1 UserRegionBegin 5 \"part\" []\n"
			       "m101 p0 g1 UserLog 5 \"key\" \"message\" []\n"
			       "m101 p0 g1 UserRegionEnd 5 \"part\" []\n"
			       "m101 p0 g1 UserTaskEnd 5 []\n");
	script_repairs(&s, REPAIR_REGION, 0);
	script_done(&s);
}

static void test_inner_end_lost(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	note(&s, HOOK_REGION, 0, 0, "outer", "");
	note(&s, HOOK_REGION, 0, 0, "inner", "");
	note(&s, HOOK_REGION, 0, 1, "outer", "");
	script_expect_more(&s, "m101 p0 g1 UserRegionBegin 0 \"outer\" []\n"
			       "m101 p0 g1 UserRegionBegin 0 \"inner\" []\n"
			       "m101 p0 g1 UserRegionEnd 0 \"inner\" []\n"
			       "m101 p0 g1 UserRegionEnd 0 \"outer\" []\n");
	script_repairs(&s, REPAIR_REGION, 1);
	script_done(&s);
}

static void test_begin_lost(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	note(&s, HOOK_REGION, 0, 1, "before", "");
	note(&s, HOOK_REGION, 0, 0, "outer", "");
	note(&s, HOOK_REGION, 0, 1, "lost", "");
	note(&s, HOOK_REGION, 0, 1, "outer", "");
	script_expect_more(&s, "m101 p0 g1 UserRegionEnd 0 \"before\" []\n"
			       "m101 p0 g1 UserRegionBegin 0 \"outer\" []\n"
			       "m101 p0 g1 UserRegionEnd 0 \"outer\" []\n");
	script_repairs(&s, REPAIR_IGNORED, 1);
	script_done(&s);
}

static void test_task_begins_twice(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	note(&s, HOOK_TASK_BEGIN, 5, 0, "one", "");
	note(&s, HOOK_TASK_BEGIN, 5, 0, "two", "");
	note(&s, HOOK_TASK_BEGIN, UINT64_MAX, 0, "none", "");
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "\"one\" []\nm101 p0 g1 UserTaskEnd 5 []\n"));
	assert_null(strstr((const char *)s.text.p, "none"));
	assert_int_equal(s.stats.repairs[REPAIR_REGION], 1);
	assert_int_equal(s.stats.repairs[REPAIR_IGNORED], 1);
	script_done(&s);
}

/* A thousand regions deep, then all ends: what is too deep is left out, the rest matches. */
static void test_too_deep(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	for (int i = 0; i < 1100; i++)
		note(&s, HOOK_REGION, (uint64_t)i, 0, "r", "");
	for (int i = 1099; i >= 0; i--)
		note(&s, HOOK_REGION, (uint64_t)i, 1, "r", "");
	script_run(&s);
	script_repairs(&s, REPAIR_IGNORED, 2 * (1100 - 1024));
	script_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),	  cmocka_unit_test(test_inner_end_lost),
		cmocka_unit_test(test_begin_lost),	  cmocka_unit_test(test_task_begins_twice),
		cmocka_unit_test(test_too_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
