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
	assert_int_equal(cgroup_parse("0::/user.slice/a\n", path), 0);
	assert_string_equal(path, "/user.slice/a");
	assert_int_equal(cgroup_parse("2:cpu:/x\n1:name=systemd:/y\n0::/z", path), 0);
	assert_string_equal(path, "/z");
	assert_int_equal(cgroup_parse("0::/\n", path), 0);
	assert_string_equal(path, "/");
}

static void refuses_what_is_not_ours(void **state)
{
	static char longer[CGROUP_PATH + 64];
	char path[CGROUP_PATH] = "same";

	(void)state;
	assert_true(cgroup_parse("", path) < 0);
	assert_true(cgroup_parse("1:cpu:/x\n", path) < 0);
	assert_true(cgroup_parse("0::/../sibling\n", path) < 0);
	memset(longer, 'a', sizeof(longer) - 1);
	memcpy(longer, "0::/", 4);
	assert_true(cgroup_parse(longer, path) < 0);
	assert_string_equal(path, "same");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_v2_path),
		cmocka_unit_test(refuses_what_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
