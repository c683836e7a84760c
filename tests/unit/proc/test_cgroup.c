#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proc/cgroup.h"

static void finds_v2_path(void **state)
{
	char path[CGROUP_PATH];

	(void)state;
	assert_int_equal(cgroup_parse("0::/user.slice/a\n", NULL, path), 0);
	assert_string_equal(path, "/user.slice/a");
	assert_int_equal(cgroup_parse("2:cpu:/x\n1:name=systemd:/y\n0::/z", NULL, path), 0);
	assert_string_equal(path, "/z");
	assert_int_equal(cgroup_parse("0::/\n", NULL, path), 0);
	assert_string_equal(path, "/");
}

static void finds_a_controller_of_v1(void **state)
{
	static const char text[] = "5:cpuset:/c\n4:cpu,memory,io:/m/a\n0::/z\n";
	char path[CGROUP_PATH];

	(void)state;
	assert_int_equal(cgroup_parse(text, "memory", path), 0);
	assert_string_equal(path, "/m/a");
	assert_int_equal(cgroup_parse(text, "cpu", path), 0);
	assert_string_equal(path, "/m/a");
	assert_int_equal(cgroup_parse(text, NULL, path), 0);
	assert_string_equal(path, "/z");
	assert_true(cgroup_parse(text, "mem", path) < 0);
	assert_true(cgroup_parse("4:memory", "memory", path) < 0);
	assert_true(cgroup_parse("4:memory:", "memory", path) < 0);
	assert_true(cgroup_parse("memory\n", "memory", path) < 0);
}

static void refuses_what_is_not_ours(void **state)
{
	static char longer[CGROUP_PATH + 64];
	char path[CGROUP_PATH] = "same";

	(void)state;
	assert_true(cgroup_parse("", NULL, path) < 0);
	assert_true(cgroup_parse("1:cpu:/x\n", NULL, path) < 0);
	assert_true(cgroup_parse("0::/../sibling\n", NULL, path) < 0);
	memset(longer, 'a', sizeof(longer) - 1);
	memcpy(longer, "0::/", 4);
	assert_true(cgroup_parse(longer, NULL, path) < 0);
	assert_string_equal(path, "same");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_v2_path),
		cmocka_unit_test(finds_a_controller_of_v1),
		cmocka_unit_test(refuses_what_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
