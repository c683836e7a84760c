#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/json.h"

static void says(struct buf *out, const char *want)
{
	buf_u8(out, 0);
	assert_string_equal((const char *)out->p, want);
	buf_done(out);
}

static void nesting(void **state)
{
	struct buf out = {0};
	struct json j = {.out = &out};

	(void)state;
	json_object(&j, NULL);
	json_list(&j, "a");
	json_int(&j, NULL, -1);
	json_uint(&j, NULL, UINT64_MAX);
	json_object(&j, NULL);
	json_object_end(&j);
	json_list_end(&j);
	json_bool(&j, "b", true);
	json_object_end(&j);
	says(&out, "{\n \"a\": [-1,\n  18446744073709551615,\n  {}],\n \"b\": true}\n");
}

static void strings(void **state)
{
	struct buf out = {0};
	struct json j = {.out = &out};

	(void)state;
	json_str(&j, NULL, "a\"\\\n\x01\x7f caf\xc3\xa9 \xff \xed\xa0\x80 \xf0\x9f\x98\x80");
	says(&out, "\"a\\\"\\\\\\u000a\\u0001\\u007f caf\xc3\xa9 \xef\xbf\xbd "
		   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xf0\x9f\x98\x80\"");
}

static void numbers(void **state)
{
	struct buf out = {0};
	struct json j = {.out = &out};

	(void)state;
	json_list(&j, NULL);
	json_num(&j, NULL, .5);
	json_num(&j, NULL, NAN);
	json_num(&j, NULL, INFINITY);
	json_num(&j, NULL, 1e300);
	json_int(&j, NULL, INT64_MIN);
	json_list_end(&j);
	says(&out, "[0.5,\n null,\n null,\n 1e+300,\n -9223372036854775808]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nesting),
		cmocka_unit_test(strings),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
