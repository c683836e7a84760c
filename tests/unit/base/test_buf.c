/* test_buf.c - appends grow; a failure stays and changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/buf.h"
#include "base/span.h"

static void test_round_trip(void **state)
{
	struct buf b = { 0 };
	struct span s;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		buf_u8(&b, (uint8_t)i);
		buf_u32(&b, i);
		buf_u64(&b, (uint64_t)i << 32);
		buf_uvarint(&b, (uint64_t)i * i * i);
		buf_bytes(&b, "xyz", 3);
	}
	s = span_of(b.p, b.len);
	for (uint32_t i = 0; i < 5000; i++) {
		assert_int_equal(span_u8(&s), (uint8_t)i);
		assert_int_equal(span_u32(&s), i);
		assert_true(span_u64(&s) == (uint64_t)i << 32);
		assert_true(span_uvarint(&s) == (uint64_t)i * i * i);
		assert_memory_equal(span_take(&s, 3), "xyz", 3);
	}
	assert_false(s.bad);
	assert_int_equal(s.left, 0);
	buf_done(&b);
	assert_null(b.p);
}

static void test_printf(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 300; i++)
		buf_printf(&b, "%d,", i);
	assert_int_equal(b.len, 10 * 2 + 90 * 3 + 200 * 4);
	assert_memory_equal(b.p, "0,1,2,", 6);
	buf_done(&b);
}

/* B2: an impossible size fails, stays failed, leaves what was there; reset clears. */
static void test_failure_stays(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_bytes(&b, "abc", 3);
	assert_int_equal(buf_reserve(&b, SIZE_MAX), -ENOMEM);
	assert_true(b.failed);
	buf_u8(&b, 'd');
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.p, "abc", 3);
	buf_reset(&b);
	assert_false(b.failed);
	buf_u8(&b, 'd');
	assert_int_equal(b.len, 1);
	buf_done(&b);
	buf_done(&b);
}

static void test_reserve_does_not_move(void **state)
{
	struct buf b = { 0 };
	const uint8_t *p;

	(void)state;
	assert_int_equal(buf_reserve(&b, 1000), 0);
	p = b.p;
	for (int i = 0; i < 1000; i++)
		buf_u8(&b, 1);
	assert_ptr_equal(b.p, p);
	buf_bytes(&b, NULL, 0);
	assert_int_equal(b.len, 1000);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_printf),
		cmocka_unit_test(test_failure_stays),
		cmocka_unit_test(test_reserve_does_not_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
