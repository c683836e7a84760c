/* test_map.c - the hash table against a plain array, through long churn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"
#include "base/num.h"

enum { KEYS = 700, STEPS = 200000 };

static uint64_t key_of(unsigned i)
{
	/* 0, neighbours, and far ones */
	return i < 300 ? i : num_mix(i);
}

static void compare(const struct map *m, const uint64_t *ref, const bool *in, size_t cnt)
{
	struct map_slot slot;
	size_t seen = 0;

	assert_int_equal(m->cnt, cnt);
	for (unsigned i = 0; i < KEYS; i++) {
		const uint64_t *v = map_find(m, key_of(i));

		assert_int_equal(v != NULL, in[i]);
		if (v)
			assert_true(*v == ref[i]);
	}
	for (size_t pos = 0; map_next(m, &pos, &slot);)
		seen++;
	assert_int_equal(seen, cnt);
}

static void test_against_reference(void **state)
{
	struct map m = { 0 };
	uint64_t ref[KEYS] = { 0 }, rng = 1;
	bool in[KEYS] = { 0 };
	size_t cnt = 0;

	(void)state;
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i;

		rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
		i = (unsigned)(rng >> 33) % KEYS;
		if (rng >> 63) {
			assert_int_equal(map_put(&m, key_of(i), step), 0);
			cnt += !in[i];
			in[i] = true;
			ref[i] = step;
		} else {
			assert_int_equal(map_del(&m, key_of(i)), in[i]);
			cnt -= in[i];
			in[i] = false;
		}
		if (step % 5000 == 0)
			compare(&m, ref, in, cnt);
	}
	compare(&m, ref, in, cnt);
	map_done(&m);
}

/* M2: churn with few living keys does not make it grow. */
static void test_churn_does_not_grow(void **state)
{
	struct map m = { 0 };
	size_t cap;

	(void)state;
	for (uint64_t k = 0; k < 40; k++)
		assert_int_equal(map_put(&m, k, k), 0);
	cap = m.cap;
	for (uint64_t k = 40; k < 100000; k++) {
		assert_int_equal(map_put(&m, k, k), 0);
		assert_true(map_del(&m, k - 40));
	}
	assert_int_equal(m.cap, cap);
	for (uint64_t k = 100000 - 40; k < 100000; k++)
		assert_true(map_get(&m, k, 0) == k);
	map_done(&m);
}

static void test_empty_and_reset(void **state)
{
	struct map m = { 0 };
	struct map_slot slot;
	size_t pos = 0;

	(void)state;
	assert_null(map_find(&m, 0));
	assert_int_equal(map_get(&m, 0, 7), 7);
	assert_false(map_del(&m, 0));
	assert_false(map_next(&m, &pos, &slot));
	assert_int_equal(map_put(&m, 0, 1), 0);
	assert_int_equal(map_get(&m, 0, 7), 1);
	assert_int_equal(map_put(&m, 0, 2), 0);
	assert_int_equal(m.cnt, 1);
	map_reset(&m);
	assert_null(map_find(&m, 0));
	assert_int_equal(m.cnt, 0);
	map_done(&m);
	map_done(&m);
}

static void test_set_all(void **state)
{
	struct map m = { 0 };
	struct map_slot slot;
	size_t pos = 0, cnt = 0;

	(void)state;
	map_set_all(&m, 5);
	assert_int_equal(m.cnt, 0);
	for (uint64_t k = 0; k < 20; k++)
		assert_int_equal(map_put(&m, k, k + 100), 0);
	assert_true(map_del(&m, 3));
	map_set_all(&m, 5);
	for (; map_next(&m, &pos, &slot); cnt++)
		assert_int_equal(slot.val, 5);
	assert_int_equal(cnt, 19);
	assert_null(map_find(&m, 3));
	map_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_reference),
		cmocka_unit_test(test_churn_does_not_grow),
		cmocka_unit_test(test_empty_and_reset),
		cmocka_unit_test(test_set_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
