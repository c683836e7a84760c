/* test_blocks.c - a PARK that has its stack's hash alone gets what was told with the stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/blocks.h"

/* Two more hashes that share the slot of the first. */
enum { SAME_SLOT = KNOWN_STACKS };
#define HASH(n) ((uint64_t)(5 + (n) * SAME_SLOT) << 32 | 77)

static struct blocks *blocks;

static struct rec park(uint64_t hash, unsigned npc, uint64_t x, uint16_t skip)
{
	return (struct rec){ .hook = HOOK_PARK, .len = (uint16_t)(sizeof(struct rec) + 8 * npc),
			     .npc = (uint8_t)npc, .stack = hash, .goid = 9, .x = x, .skip = skip };
}

static void expect(uint64_t hash, uint64_t x, uint16_t skip)
{
	struct rec r = park(hash, 0, 0, 0);
	const struct rec *got = blocks_complete(blocks, &r);

	assert_int_equal(got->x, x);
	assert_int_equal(got->skip, skip);
	assert_int_equal(got->stack, hash);
	assert_int_equal(got->goid, 9);
	assert_int_equal(got->len, sizeof(struct rec));
	assert_int_equal(r.x, 0); /* the ring's own is not written to */
}

static void tell(uint64_t hash, uint64_t x, uint16_t skip)
{
	struct rec r = park(hash, 3, x, skip);

	assert_ptr_equal(blocks_complete(blocks, &r), &r);
}

static void told_with_the_stack(void **state)
{
	(void)state;
	tell(HASH(0), 7, 2);
	expect(HASH(0), 7, 2);
	expect(HASH(0), 7, 2);
}

static void never_told(void **state)
{
	(void)state;
	expect(HASH(0), 0, 0);
	tell(HASH(0), 7, 2);
	expect(HASH(1), 0, 0);
}

static void a_slot_keeps_two(void **state)
{
	(void)state;
	tell(HASH(0), 7, 2);
	tell(HASH(1), 8, 3);
	expect(HASH(0), 7, 2);
	expect(HASH(1), 8, 3);
	tell(HASH(1), 8, 3); /* told by another CPU as well: the older one stays */
	expect(HASH(0), 7, 2);
	tell(HASH(2), 9, 4);
	expect(HASH(0), 0, 0);
	expect(HASH(1), 8, 3);
}

static void others_are_left_alone(void **state)
{
	struct rec ready = { .hook = HOOK_READY, .stack = HASH(0), .x = 5, .skip = 1 };
	struct rec bare = park(0, 0, 4, 1);

	(void)state;
	tell(HASH(0), 7, 2);
	assert_ptr_equal(blocks_complete(blocks, &ready), &ready);
	assert_ptr_equal(blocks_complete(blocks, &bare), &bare);
	assert_int_equal(bare.x, 4);
}

static int begin(void **state)
{
	(void)state;
	blocks = blocks_new();
	return blocks ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	blocks_free(blocks);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(told_with_the_stack, begin, end),
		cmocka_unit_test_setup_teardown(never_told, begin, end),
		cmocka_unit_test_setup_teardown(a_slot_keeps_two, begin, end),
		cmocka_unit_test_setup_teardown(others_are_left_alone, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
