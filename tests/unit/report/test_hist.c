#include "scene.h"

#include "report/hist.h"

static void small_values_are_exact(void **state)
{
	struct hist h = {0};

	(void)state;
	assert_int_equal(hist_quantile(&h, .5), 0);
	for (int64_t i = 1; i <= 10; i++)
		hist_add(&h, i, 100 + i);
	assert_int_equal(hist_quantile(&h, .5), 5);
	assert_int_equal(hist_quantile(&h, .9), 9);
	assert_int_equal(hist_quantile(&h, 1), 10);
	assert_int_equal(h.max, 10);
	assert_int_equal(h.max_at, 110);
	assert_int_equal(h.sum, 55);
	hist_add(&h, -5, 0);
	assert_int_equal(h.sum, 55);
	assert_int_equal(h.buckets[0], 1);
}

/* H1: no quantile is off by more than a 32nd. */
static void error_is_bounded(void **state)
{
	(void)state;
	for (int64_t v = 1; v < (int64_t)1 << 45; v += v / 3 + 1) {
		struct hist h = {0};
		int64_t q;

		hist_add(&h, v, 0);
		hist_add(&h, v, 0);
		hist_add(&h, v * 2, 0);
		q = hist_quantile(&h, .5);
		assert_true(q >= v - v / 32 - 1 && q <= v + v / 32 + 1);
		assert_int_equal(hist_quantile(&h, 1), v * 2);
	}
}

static void beyond_the_last_bucket(void **state)
{
	struct hist h = {0};

	(void)state;
	hist_add(&h, INT64_MAX, 1);
	hist_add(&h, 5, 2);
	assert_int_equal(h.max, INT64_MAX);
	assert_int_equal(hist_quantile(&h, .99), INT64_MAX);
	assert_int_equal(hist_quantile(&h, .4), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(error_is_bounded),
		cmocka_unit_test(beyond_the_last_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
