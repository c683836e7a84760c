/* test_utf8.c - both sides of each border that Unicode draws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "base/utf8.h"

static void test_borders(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "A", 1 },
		{ "\x7f", 1 },
		{ "\x80", 0 },		    /* a continuation */
		{ "\xc1\xbf", 0 },	    /* overlong */
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xc2\x41", 0 },
		{ "\xe0\x9f\xbf", 0 },     /* overlong */
		{ "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xed\xa0\x80", 0 },     /* surrogates */
		{ "\xed\xbf\xbf", 0 },
		{ "\xee\x80\x80", 3 },
		{ "\xf0\x8f\xbf\xbf", 0 }, /* overlong */
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xf4\x90\x80\x80", 0 }, /* past the last */
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = utf8_len((const uint8_t *)rows[i].bytes, strlen(rows[i].bytes));

		if (len != rows[i].len)
			fail_msg("row %zu: %zu", i, len);
	}
}

/* Nothing past left is read: the whole character is there, but not ours. */
static void test_cut_off(void **state)
{
	const uint8_t smile[] = { 0xf0, 0x9f, 0x99, 0x82 };

	(void)state;
	for (size_t left = 1; left < sizeof(smile); left++)
		assert_int_equal(utf8_len(smile, left), 0);
	assert_int_equal(utf8_len(smile, sizeof(smile)), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_borders),
		cmocka_unit_test(test_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
