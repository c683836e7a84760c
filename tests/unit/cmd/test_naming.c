#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "cmd/naming.h"

static const struct naming_fields fields = {.command = "demo",
					    .pid = 4711,
					    .real_ns = 1769903999123000000ULL,
					    .n = 3,
					    .reason = "killed-9"};

static void parts(void **state)
{
	char name[NAMING_BASE];
	struct naming n;
	struct diag d;

	(void)state;
	assert_int_equal(naming_parse(NULL, &n, &d), 0);
	assert_string_equal(n.dir, ".");
	assert_true(n.unique);
	naming_make(&n, &fields, name);
	assert_string_equal(name, "demo-4711-20260131T235959.123Z-3-killed-9.trace");
	assert_int_equal(naming_parse("/tmp", &n, &d), 0); /* a folder */
	assert_string_equal(n.dir, "/tmp");
	assert_string_equal(n.base, naming_default);
	assert_int_equal(naming_parse("/no/such/%n.trace", &n, &d), 0);
	assert_string_equal(n.dir, "/no/such");
	naming_make(&n, &fields, name);
	assert_string_equal(name, "3.trace");
	assert_int_equal(naming_parse("/x.trace", &n, &d), 0);
	assert_string_equal(n.dir, "/");
	assert_false(n.unique);
	assert_int_equal(naming_parse("100%%-%p", &n, &d), 0);
	naming_make(&n, &fields, name);
	assert_string_equal(name, "100%-4711");
}

static void refused(void **state)
{
	struct naming n;
	struct diag d;

	(void)state;
	assert_int_equal(naming_parse("", &n, &d), -EINVAL);
	assert_int_equal(naming_parse("-", &n, &d), -EINVAL);
	assert_int_equal(naming_parse("ab%x", &n, &d), -EINVAL);
	assert_non_null(strstr(d.text, "'%x' at character 3"));
	assert_int_equal(naming_parse("ab%", &n, &d), -EINVAL);
	assert_int_equal(naming_parse("a%p/b", &n, &d), -EINVAL);
}

static void nothing_leaves_the_folder(void **state)
{
	struct naming_fields f = fields;
	char name[NAMING_BASE];
	struct naming n;
	struct diag d;

	(void)state;
	f.command = "../../etc/x y\n";
	f.reason = "a/b";
	assert_int_equal(naming_parse("%c%r", &n, &d), 0);
	naming_make(&n, &f, name);
	assert_string_equal(name, ".._.._etc_x_y_a_b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(parts), cmocka_unit_test(refused),
					   cmocka_unit_test(nothing_leaves_the_folder)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
