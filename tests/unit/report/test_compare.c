#include "golden.h"

#include "report/compare.h"

/* The second half against the first: what got worse comes first. */
static void halves(void **state)
{
	struct buf b = scene_bytes(), out = {0};
	struct report_opts o = scene_opts();
	struct text_style style = {.top = 10};
	struct report *before, *now;
	struct compare c;

	(void)state;
	o.has_to = true;
	o.to_ns = 2000;
	before = report_of(&b, &o);
	o.has_to = false;
	o.has_from = true;
	o.from_ns = 2000;
	now = report_of(&b, &o);
	assert_int_equal(compare_init(&c, before, now), 0);

	/* 600 ns of 2000, then 740 of 3001; main: 1700 of 2000, then 2000 of 3001 */
	assert_int_equal(c.cnt[COMPARE_RUNNING], 2);
	assert_string_equal(c.rows[COMPARE_RUNNING][0].name, "main.worker");
	assert_true(c.rows[COMPARE_RUNNING][0].before > 299e6);
	assert_true(c.rows[COMPARE_RUNNING][0].before < 301e6);
	assert_string_equal(c.rows[COMPARE_RUNNING][1].name, "main.main");
	assert_true(c.rows[COMPARE_RUNNING][1].change < 0);
	assert_int_equal(c.cnt[COMPARE_SYSCALL], 1);
	compare_text(&c, &style, &out);
	golden("compare.txt", &out);
	compare_done(&c);
	report_free(before);
	report_free(now);
	buf_done(&b);
	buf_done(&out);
}

static void with_itself(void **state)
{
	struct report *a = scene_report(), *b = scene_report();
	struct compare c;

	(void)state;
	assert_int_equal(compare_init(&c, a, b), 0);
	for (unsigned k = 0; k < COMPARE_CNT; k++)
		for (size_t i = 0; i < c.cnt[k]; i++)
			assert_true(c.rows[k][i].change == 0);
	assert_int_equal(c.cnt[COMPARE_BLOCKED], 2); /* each stack once */
	for (unsigned i = 0; i < COMPARE_TOTALS; i++)
		assert_true(c.totals[i].before == c.totals[i].now);
	compare_done(&c);
	report_free(a);
	report_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(halves),
		cmocka_unit_test(with_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
