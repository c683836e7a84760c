#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/flightopts.h"

static void windows(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
		size_t bytes;
		bool given;
	} v[] = {
		{"30s", 30000000000, FLIGHT_DEFAULT_BYTES, false},
		{"30", 30000000000, FLIGHT_DEFAULT_BYTES, false},
		{"64mb", 0, 64 << 20, true},
		{"30s,64mb", 30000000000, 64 << 20, true},
		{"1m,1mb", 60000000000, 1 << 20, true},
		{"100ms", 100000000, FLIGHT_DEFAULT_BYTES, false},
	};
	struct diag d;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct flight_opts o = {0};

		assert_int_equal(flightopts_window(v[i].text, &o, &d), 0);
		assert_true(o.on);
		assert_int_equal(o.window_ns, v[i].ns);
		assert_int_equal(o.bytes, v[i].bytes);
		assert_int_equal(o.bytes_given, v[i].given);
	}
}

static void nonsense(void **state)
{
	static const char *const v[] = {
		"",	  ",",	 "30s,",	 ",64mb",     "x",	  "-5s",	"0",
		"0s",	  "0mb", "30s,0",	 "30s,30s",   "64mb,30s", "30s,64mb,1", "1ms",
		"99999h", "64k", "30s,999999tb", "99999999g", "30s 64mb"};
	struct diag d;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct flight_opts o = {0};

		d.text[0] = '\0';
		if (flightopts_window(v[i], &o, &d) >= 0)
			fail_msg("'%s' was taken", v[i]);
		assert_true(strlen(d.text) > 10);
		assert_false(o.on);
	}
}

static void together(void **state)
{
	struct flight_opts o = {0};
	struct diag d;

	(void)state;
	assert_int_equal(flightopts_check(&o, &d), 0);
	assert_int_equal(flightopts_take(&o, OPT_AFTER, "2s", &d), 0);
	assert_true(flightopts_check(&o, &d) < 0); /* without -F */
	assert_non_null(strstr(d.text, "--after"));
	assert_int_equal(flightopts_window("10s,64mb", &o, &d), 0);
	assert_int_equal(flightopts_check(&o, &d), 0);
	assert_int_equal(flightopts_take(&o, OPT_LAST, "11s", &d), 0);
	assert_true(flightopts_check(&o, &d) < 0);
	o.last_ns = 0;
	o.max_disk = 1 << 20;
	assert_true(flightopts_check(&o, &d) < 0);
	o.max_disk = 0;
	o.after_ns = 11000000000;
	assert_true(flightopts_check(&o, &d) < 0);
	o.after_ns = 0;
	o.follow = true;
	assert_true(flightopts_check(&o, &d) < 0);
	o.comm = "x";
	assert_int_equal(flightopts_check(&o, &d), 0);
	o.exe = "/x";
	assert_true(flightopts_check(&o, &d) < 0);
}

static void conditions_are_bounded(void **state)
{
	struct flight_opts o = {0};
	struct diag d;

	(void)state;
	for (int i = 0; i < FLIGHT_CONDS; i++)
		assert_int_equal(flightopts_take(&o, OPT_ON, "stw>1s", &d), 0);
	assert_true(flightopts_take(&o, OPT_ON, "stw>1s", &d) < 0);
	assert_int_equal(o.cond_cnt, FLIGHT_CONDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(windows), cmocka_unit_test(nonsense),
					   cmocka_unit_test(together),
					   cmocka_unit_test(conditions_are_bounded)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
