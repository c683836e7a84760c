#include "wire.h"

#include "trace/evspec.h"

static void rows(void **state)
{
	(void)state;
	assert_string_equal(evspec_get(EV_GO_SWITCH)->name, "GoSwitch");
	assert_int_equal(evspec_get(EV_GO_SWITCH)->since, 23);
	assert_int_equal(evspec_get(EV_GO_CREATE)->nargs, 3);
	assert_null(evspec_get(0));
	assert_null(evspec_get(53));
	assert_null(evspec_get(127));
	assert_string_equal(evspec_get(136)->name, "GoroutineStackFree");
	assert_null(evspec_get(137));
	assert_null(evspec_get(1000));
}

static void numbers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		const struct evspec *e = evspec_get(i);

		assert_int_equal(evspec_numbers[i], e && e->timed ? e->nargs + 1 : 0);
	}
}

/* A version is a prefix of the table (without the experiment's events). */
static void prefixes(void **state)
{
	unsigned last = 22;

	(void)state;
	for (unsigned i = 1; i < EV_COUNT; i++) {
		assert_true(evspec_table[i].since >= last);
		last = evspec_table[i].since;
		assert_true(evspec_version_known(last));
		assert_true(evspec_table[i].nargs <= EV_MAX_ARGS);
	}
	assert_false(evspec_version_known(24));
	assert_false(evspec_version_known(27));
	assert_false(evspec_version_known(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rows), cmocka_unit_test(numbers),
					    cmocka_unit_test(prefixes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
