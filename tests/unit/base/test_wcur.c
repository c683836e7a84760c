/* test_wcur.c - a bounded writer stops at its end and says so once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/wcur.h"

static void test_fills_exactly(void **state)
{
	uint8_t b[5] = { 9, 9, 9, 9, 9 };
	struct wcur w = { .p = b, .cap = 4 };

	(void)state;
	wcur_u8(&w, 1);
	wcur_bytes(&w, "ab", 2);
	wcur_u8(&w, 4);
	assert_false(w.full);
	wcur_u8(&w, 5);
	assert_true(w.full);
	assert_int_equal(w.pos, 4);
	assert_int_equal(b[4], 9);
}

/* W2: once full nothing is written, though it would fit. */
static void test_full_stays(void **state)
{
	uint8_t b[4] = { 0 };
	struct wcur w = { .p = b, .cap = 4 };

	(void)state;
	wcur_bytes(&w, "12345", 5);
	assert_true(w.full);
	wcur_u8(&w, 7);
	wcur_uvarint(&w, 1);
	assert_int_equal(w.pos, 0);
	assert_int_equal(b[0], 0);
}

static void test_uvarint_room(void **state)
{
	uint8_t b[UVARINT_MAX];

	(void)state;
	for (size_t cap = 0; cap <= UVARINT_MAX; cap++) {
		struct wcur w = { .p = b, .cap = cap };

		wcur_uvarint(&w, UINT64_MAX);
		assert_int_equal(w.full, cap < UVARINT_MAX);
		assert_int_equal(w.pos, cap < UVARINT_MAX ? 0 : UVARINT_MAX);
	}
	assert_int_equal(b[9], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fills_exactly),
		cmocka_unit_test(test_full_stays),
		cmocka_unit_test(test_uvarint_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
