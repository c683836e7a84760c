/* reasons: texts by version, the meaning of wait reasons. */
#include "unit/image/fixture.h"

#include "image/reasons.h"

static void test_counts(void **state)
{
	static const struct {
		unsigned minor, patch;
		size_t wait, block, stw;
	} cases[] = {
		{18, 0, 0, 0, 0},     {19, 8, 27, 0, 0},    {20, 14, 32, 0, 0},
		{21, 0, 32, 0, 17},   {22, 12, 37, 15, 17}, {23, 3, 37, 15, 17},
		{23, 4, 38, 16, 17},  {23, 12, 38, 16, 17}, {24, 0, 44, 17, 17},
		{25, 14, 47, 17, 17}, {27, 4, 47, 17, 17},  {28, 0, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned minor = cases[i].minor, patch = cases[i].patch;

		assert_int_equal(reasons_count(TABLE_WAIT_REASONS, minor, patch), cases[i].wait);
		assert_int_equal(reasons_count(TABLE_BLOCK_REASONS, minor, patch), cases[i].block);
		assert_int_equal(reasons_count(TABLE_STW_REASONS, minor, patch), cases[i].stw);
	}
	assert_int_equal(reasons_count((enum image_table)3, 27, 0), 0);
}

static void test_block(void **state)
{
	size_t cnt = 9;
	const char *const *v;

	(void)state;
	assert_null(reasons_block(21, 13, &cnt));
	assert_int_equal(cnt, 0);
	v = reasons_block(22, 0, &cnt);
	assert_int_equal(cnt, 15);
	assert_string_equal(v[0], "unspecified");
	assert_string_equal(v[14], "sleep");
	v = reasons_block(24, 0, &cnt);
	assert_string_equal(v[cnt - 1], "synctest");
	/* What has no version yet is of the newest one. */
	v = reasons_block_all(&cnt);
	assert_int_equal(cnt, reasons_count(TABLE_BLOCK_REASONS, 27, 0));
	assert_string_equal(v[cnt - 1], "synctest");
}

static void test_meaning(void **state)
{
	static const char *const cases[][2] = {
		{"IO wait", "network"},
		{"chan receive", "chan receive"},
		{"chan receive (nil chan)", "forever"},
		{"chan receive (durable)", "chan receive"},
		{"select (synctest)", "select"},
		{"sync.WaitGroup.Wait (durable)", "sync"},
		{"select (no cases)", "forever"},
		{"sync.Cond.Wait", "sync.(*Cond).Wait"},
		{"wait for GC cycle", "wait until GC ends"},
		{"coroutine", "unspecified"},
		{"", "unspecified"},
		{" (durable)", "unspecified"},
		{"chan receiv", "unspecified"},
		{"chan receives", "unspecified"},
	};
	const char *const *block;
	size_t cnt;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(reasons_wait_to_block(cases[i][0]), cases[i][1]);
	/* What comes out is always one of the format's own texts. */
	block = reasons_block(27, 0, &cnt);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool is_text = false;

		for (size_t k = 0; k < cnt; k++)
			is_text |= !strcmp(block[k], reasons_wait_to_block(cases[i][0]));
		assert_true(is_text);
	}
	assert_true(reasons_wait_is_pseudo("stopping the world"));
	assert_true(reasons_wait_is_pseudo("GC assist marking"));
	assert_false(reasons_wait_is_pseudo("GC assist wait"));
	assert_false(reasons_wait_is_pseudo(""));
	assert_false(reasons_wait_is_pseudo("GC worker (idle)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
