/* test_diag.c - a sentence is cut, cleaned and prefixed; NULL is fine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/diag.h"

static void test_set(void **state)
{
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(diag_set(&d, -EBADMSG, "%s is %d", "it", 5), -EBADMSG);
	assert_string_equal(d.text, "it is 5");
	assert_true(d.off == DIAG_NO_OFF);
	assert_int_equal(diag_set_at(&d, 77, -E2BIG, "there"), -E2BIG);
	assert_true(d.off == 77);
	assert_int_equal(diag_set(NULL, -ENOENT, "x"), -ENOENT);
	assert_int_equal(diag_set_at(NULL, 1, -ENOENT, "x"), -ENOENT);
	assert_int_equal(diag_prefix(NULL, -ENOENT, "x"), -ENOENT);
}

/* What a target chose must not reach a terminal as control sequences. */
static void test_control_characters(void **state)
{
	struct diag d;

	(void)state;
	diag_set(&d, -1, "a\033[31mb\nc\177d\te");
	assert_null(strpbrk(d.text, "\033\n\177"));
	assert_non_null(strstr(d.text, "[31mb"));
}

static void test_long_texts_are_cut(void **state)
{
	char text[2000];
	struct diag d;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	diag_set(&d, -1, "%s", text);
	assert_int_equal(strlen(d.text), sizeof(d.text) - 1);
	diag_prefix(&d, -1, "%s", text);
	assert_true(strlen(d.text) < sizeof(d.text));
	assert_non_null(strstr(d.text, "x: x"));
}

static void test_prefix(void **state)
{
	struct diag d;

	(void)state;
	diag_set_at(&d, 9, -1, "why");
	assert_int_equal(diag_prefix(&d, -EIO, "file %d", 3), -EIO);
	assert_string_equal(d.text, "file 3: why");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_long_texts_are_cut),
		cmocka_unit_test(test_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
