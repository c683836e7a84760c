/* test_clock.c - the unit is ns, and the clock is the one that was asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void test_ns(void **state)
{
	const struct timespec nap = { .tv_nsec = 2000000 };
	uint64_t before = clock_mono_ns(), now;

	(void)state;
	nanosleep(&nap, NULL);
	now = clock_mono_ns();
	assert_in_range(now - before, 2000000, 60000000000);
}

static void test_which(void **state)
{
	time_t now = time(NULL);

	(void)state;
	/* time(2) may lag by a tick, and the clock may be set in between. */
	assert_in_range(clock_ns(CLOCK_REALTIME) / 1000000000 + 5, (uint64_t)now, (uint64_t)now + 65);
	assert_true(clock_ns(CLOCK_THREAD_CPUTIME_ID) < clock_mono_ns());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ns),
		cmocka_unit_test(test_which),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
