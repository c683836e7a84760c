#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "cmd/trigger.h"

static int at(struct triggers *q, uint64_t ns, uint64_t *id)
{
	struct trigger t = {.at_ns = ns, .reason = "signal"};

	return triggers_add(q, &t, id);
}

static void a_storm_makes_one_more(void **state)
{
	struct triggers q = {0};
	uint64_t id;

	(void)state;
	assert_int_equal(triggers_due(&q), UINT64_MAX);
	assert_int_equal(at(&q, 100, &id), 1);
	assert_int_equal(id, 1);
	assert_int_equal(triggers_due(&q), 100);
	triggers_begin(&q, 100);
	assert_int_equal(triggers_due(&q), UINT64_MAX);
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(at(&q, 101 + i, &id), i == 0);
		assert_int_equal(id, 2);
	}
	assert_int_equal(q.joined, 999);
	triggers_end(&q);
	assert_int_equal(triggers_due(&q), 101);
	triggers_begin(&q, 1200);
	triggers_end(&q);
	assert_int_equal(triggers_due(&q), UINT64_MAX);
}

static void after_puts_the_trigger_in_the_middle(void **state)
{
	struct triggers q = {.after_ns = 2000};
	uint64_t id;

	(void)state;
	assert_int_equal(at(&q, 100, &id), 1);
	assert_int_equal(triggers_due(&q), 2100);
	/* It wants to be recorded past its own time: the dump at 2100 does not. */
	assert_int_equal(at(&q, 500, &id), 1);
	assert_int_equal(id, 2);
	assert_int_equal(at(&q, 600, &id), 0);
	assert_int_equal(id, 2);
}

static void spaced(void **state)
{
	struct triggers q = {.min_interval_ns = 1000};
	struct trigger t = {.at_ns = 300, .spacing_ns = 5000};
	uint64_t id;

	(void)state;
	assert_int_equal(at(&q, 100, &id), 1);
	assert_int_equal(triggers_due(&q), 100); /* the first waits for nothing */
	triggers_begin(&q, 110);
	triggers_end(&q);
	assert_int_equal(at(&q, 200, &id), 1);
	assert_int_equal(triggers_due(&q), 1110);
	/* Due later than it happened: covers all until then. */
	assert_int_equal(at(&q, 700, &id), 0);
	assert_int_equal(id, 2);
	triggers_begin(&q, 1110);
	triggers_end(&q);
	assert_int_equal(triggers_add(&q, &t, &id), 1);
	assert_int_equal(triggers_due(&q), 6110);
}

static void own_files_do_not_join(void **state)
{
	struct triggers q = {0};
	struct trigger t = {.at_ns = 5, .file = "/x/a"};
	uint64_t id;

	(void)state;
	assert_int_equal(triggers_add(&q, &t, &id), 1);
	assert_int_equal(triggers_add(&q, &t, &id), 1);
	assert_int_equal(id, 2);
	id = 99;
	assert_int_equal(triggers_add(&q, &t, &id), -EBUSY);
	assert_int_equal(id, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_storm_makes_one_more),
		cmocka_unit_test(after_puts_the_trigger_in_the_middle),
		cmocka_unit_test(spaced),
		cmocka_unit_test(own_files_do_not_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
