/* test_arena.c - what was given stays; a reset keeps one chunk and allocates nothing for a steady load. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void test_stays_and_is_aligned(void **state)
{
	struct arena a = { 0 };
	uint8_t *p[2000];

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		p[i] = arena_alloc(&a, i);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		memset(p[i], (int)i, i);
	}
	for (unsigned i = 0; i < 2000; i++)
		for (unsigned k = 0; k < i; k++)
			assert_int_equal(p[i][k], (uint8_t)i);
	assert_true(a.used >= 1999 * 1000);
	arena_done(&a);
	assert_int_equal(a.used, 0);
}

static void test_dup_and_huge(void **state)
{
	struct arena a = { 0 };

	(void)state;
	assert_string_equal(arena_dup(&a, "text", 5), "text");
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 40));
	assert_non_null(arena_alloc(&a, 4 << 20)); /* larger than any chunk */
	assert_string_equal(arena_dup(&a, "still", 6), "still");
	arena_done(&a);
	arena_done(&a);
}

/* A2: after a reset the newest, largest chunk is used again. */
static void test_reset_reuses(void **state)
{
	struct arena a = { 0 };
	void *first;

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_non_null(arena_alloc(&a, 10000));
	arena_reset(&a);
	first = arena_alloc(&a, 16);
	for (int round = 0; round < 10; round++) {
		arena_reset(&a);
		assert_int_equal(a.used, 0);
		assert_ptr_equal(arena_alloc(&a, 16), first);
		for (int i = 0; i < 30; i++)
			assert_non_null(arena_alloc(&a, 10000));
	}
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stays_and_is_aligned),
		cmocka_unit_test(test_dup_and_huge),
		cmocka_unit_test(test_reset_reuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
