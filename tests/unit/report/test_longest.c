#include "scene.h"

#include "report/longest.h"

static void keeps_the_longest(void **state)
{
	struct longest l;

	(void)state;
	assert_int_equal(longest_init(&l, 5), 0);
	for (int64_t i = 0; i < 1000; i++) {
		struct longest_item it = {.ns = i * 7919 % 1000, .start = i};

		assert_int_equal(longest_wants(&l, it.ns), l.cnt < 5 || it.ns > l.items[0].ns);
		longest_add(&l, &it);
	}
	longest_sort(&l);
	assert_int_equal(l.cnt, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(l.items[i].ns, 999 - (int64_t)i);
	longest_reset(&l);
	assert_int_equal(l.cnt, 0);
	longest_done(&l);
}

static void keeps_nothing(void **state)
{
	struct longest l;

	(void)state;
	assert_int_equal(longest_init(&l, 0), 0);
	assert_false(longest_wants(&l, INT64_MAX));
	longest_add(&l, &(struct longest_item){.ns = 5});
	longest_sort(&l);
	assert_int_equal(l.cnt, 0);
	longest_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_longest),
		cmocka_unit_test(keeps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
