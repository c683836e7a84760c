/* test_num.c - arithmetic that says when it wraps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"

static void test_overflow(void **state)
{
	uint64_t v = 1;
	size_t z;

	(void)state;
	assert_true(num_add(UINT64_MAX, (uint64_t)1, &v));
	assert_false(num_add((uint64_t)2, (uint64_t)3, &v));
	assert_int_equal(v, 5);
	assert_true(num_mul((size_t)1 << 33, (size_t)1 << 33, &z));
	assert_true(num_sub((uint64_t)1, (uint64_t)2, &v));
	assert_int_equal(num_min(3, UINT64_MAX), 3);
	assert_true(num_max(3, UINT64_MAX) == UINT64_MAX);
}

/* Neighbouring keys fall into different buckets: else tables of pointers would be lists. */
static void test_mix_spreads(void **state)
{
	unsigned bucket[64] = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 6400; i++)
		bucket[num_mix(0xc000000000 + i * 4096) % 64]++;
	for (unsigned i = 0; i < 64; i++)
		assert_in_range(bucket[i], 50, 160);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_mix_spreads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
