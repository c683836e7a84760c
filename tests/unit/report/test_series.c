#include "scene.h"

#include "report/series.h"

static void means(void **state)
{
	struct series s;

	(void)state;
	series_begin(&s, 1000, 2);
	series_set(&s, 1000 + 5000, 4);
	series_set(&s, 1000 + 20000, 0);
	series_finish(&s, 1000 + 35000);
	assert_int_equal(series_used(&s), 4);
	assert_true(series_mean(&s, 0) == 3); /* half of 2, half of 4 */
	assert_true(series_mean(&s, 1) == 4);
	assert_true(series_mean(&s, 2) == 0);
	assert_true(series_mean(&s, 3) == 0);
	assert_true(series_total(&s) == (5000. * 2 + 15000 * 4) / 35000);
}

/* Steps widen; the sums stay. */
static void widens(void **state)
{
	struct series s;
	unsigned used;
	double sum = 0;

	(void)state;
	series_begin(&s, 0, 1);
	for (int64_t t = 0; t < 1000000000; t += 7777)
		series_set(&s, t, (double)(t / 7777 % 3));
	series_finish(&s, 1000000000);
	used = series_used(&s);
	assert_true(used > SERIES_LEN / 2 && used <= SERIES_LEN);
	assert_true(s.width * used >= 1000000000);
	for (unsigned i = 0; i < used; i++) {
		assert_true(series_mean(&s, i) > .99 && series_mean(&s, i) < 1.01);
		sum += s.sums[i];
	}
	assert_true(sum / 1e9 > .999 && sum / 1e9 < 1.001);
}

static void never_begun(void **state)
{
	struct series s = {0};

	(void)state;
	series_finish(&s, 5);
	assert_int_equal(series_used(&s), 0);
	assert_true(series_total(&s) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(means),
		cmocka_unit_test(widens),
		cmocka_unit_test(never_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
