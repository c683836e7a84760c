/* test_heap.c - the heap's goal as the runtime's heapGoalInternal has it, case by case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "model/heap.h"

enum { GOAL = 9, WORDS = 44, MIB = 1 << 20 };

/* gcController of Go 1.21 on: gcPercent, memoryLimit, ... from word 9 on gcPercentHeapGoal, ... */
struct words {
	uint64_t w[WORDS];
};

static struct words usual(void)
{
	struct words g = {{0}};

	g.w[0] = 100;		/* gcPercent */
	g.w[1] = INT64_MAX;	/* no memory limit */
	g.w[GOAL] = 64 * MIB;	/* gcPercentHeapGoal */
	g.w[GOAL + 2] = UINT64_MAX; /* triggered: not yet */
	g.w[GOAL + 4] = 33 * MIB; /* heapLive */
	g.w[GOAL + 10] = 32 * MIB; /* heapMarked */
	g.w[GOAL + 27] = 1 * MIB; /* heapFree */
	g.w[GOAL + 28] = 90 * MIB; /* totalAlloc */
	g.w[GOAL + 29] = 57 * MIB; /* totalFree */
	g.w[GOAL + 30] = 40 * MIB; /* mappedReady */
	return g;
}

static uint64_t goal_of(const struct words *g, unsigned minor)
{
	struct heap_sample s;

	assert_true(heap_of_words(g->w, WORDS, GOAL, minor, &s));
	return s.goal;
}

static void test_percent(void **state)
{
	struct words g = usual();
	struct heap_sample s;

	(void)state;
	assert_true(heap_of_words(g.w, WORDS, GOAL, 26, &s));
	assert_int_equal(s.live, 33 * MIB);
	assert_int_equal(s.goal, 64 * MIB);
}

static void test_raised(void **state)
{
	struct words g = usual();

	(void)state;
	g.w[GOAL + 1] = 70 * MIB; /* sweepDistMinTrigger */
	assert_int_equal(goal_of(&g, 26), 70 * MIB);
	g.w[GOAL + 2] = 80 * MIB; /* triggered: at least 64 KiB of runway */
	assert_int_equal(goal_of(&g, 26), 80 * MIB + (64 << 10));
}

static void test_memory_limit(void **state)
{
	struct words g = usual();
	uint64_t room;

	(void)state;
	g.w[1] = 50 * MIB;
	/* 40 mapped, 1 free, 33 in use: 6 are not the heap's; 3 % headroom from 1.21 on, 1 MiB before. */
	room = 44 * MIB;
	assert_int_equal(goal_of(&g, 26), room - room / 100 * 3);
	assert_int_equal(goal_of(&g, 20), room - 1 * MIB);
	/* What is not the heap's alone is over the limit: what was marked must do. */
	g.w[1] = 5 * MIB;
	assert_int_equal(goal_of(&g, 26), 32 * MIB);
}

static void test_off(void **state)
{
	struct words g = usual();

	(void)state;
	g.w[0] = UINT32_MAX; /* gcPercent -1 */
	g.w[GOAL] = UINT64_MAX;
	assert_int_equal(goal_of(&g, 25), 0);
	/* Up to 1.24 the runtime shows what the limit gives, however large. */
	assert_true(goal_of(&g, 24) > (uint64_t)INT64_MAX / 100 * 96);
}

static void test_too_short(void **state)
{
	struct words g = usual();
	struct heap_sample s = {.live = 7};

	(void)state;
	assert_false(heap_of_words(g.w, GOAL + 30, GOAL, 26, &s));
	assert_false(heap_of_words(g.w, WORDS, 0, 26, &s));
	assert_false(heap_of_words(g.w, WORDS, WORDS, 26, &s));
	assert_int_equal(s.live, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percent),	     cmocka_unit_test(test_raised),
		cmocka_unit_test(test_memory_limit), cmocka_unit_test(test_off),
		cmocka_unit_test(test_too_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
