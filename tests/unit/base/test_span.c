/* test_span.c - a bounded reader never reads past its bytes and never recovers once bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/span.h"
#include "base/wcur.h"

static void test_fixed(void **state)
{
	static const uint8_t b[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct span s = span_of(b, sizeof(b));

	(void)state;
	assert_int_equal(span_u8(&s), 1);
	assert_int_equal(span_u16(&s), 0x0302);
	assert_int_equal(span_u32(&s), 0x07060504);
	assert_true(span_u64(&s) == 0x0f0e0d0c0b0a0908);
	assert_false(s.bad);
	assert_int_equal(s.off, 15);
	assert_int_equal(span_u8(&s), 0);
	assert_true(s.bad);
	assert_int_equal(s.left, 0);
}

/* S2: after a read that did not fit nothing is given, though bytes were left. */
static void test_bad_stays(void **state)
{
	static const uint8_t b[] = { 1, 2, 3 };
	struct span s = span_of(b, sizeof(b));

	(void)state;
	assert_int_equal(span_u32(&s), 0);
	assert_true(s.bad);
	assert_int_equal(span_u8(&s), 0);
	assert_null(span_take(&s, 1));
	assert_int_equal(s.off, 0);
}

static void test_take_huge(void **state)
{
	static const uint8_t b[] = { 1, 2, 3 };
	struct span s = span_of(b, sizeof(b));

	(void)state;
	assert_null(span_take(&s, UINT64_MAX));
	s = span_of(b, sizeof(b));
	assert_ptr_equal(span_take(&s, 3), b);
	assert_non_null(span_take(&s, 0));
	assert_false(s.bad);
	s = span_of(NULL, 0);
	assert_int_equal(s.left, 0);
	assert_non_null(s.p);
}

static void test_sub(void **state)
{
	static const uint8_t b[] = { 0, 1, 2, 3, 4, 5 };
	struct span s = span_of(b, sizeof(b)), t;

	(void)state;
	span_skip(&s, 1);
	t = span_sub(&s, 2, 2);
	assert_int_equal(t.off, 3);
	assert_int_equal(span_u8(&t), 3);
	assert_int_equal(span_u8(&t), 4);
	assert_int_equal(span_u8(&t), 0);
	assert_true(t.bad);
	assert_false(s.bad);
	assert_true(span_sub(&s, 6, 0).bad);
	assert_false(span_sub(&s, 5, 0).bad);
	assert_true(span_sub(&s, 1, UINT64_MAX).bad);
	assert_true(span_sub(&s, UINT64_MAX, 1).bad);
}

/* Every length and edge of a number, at each distance from the end, cut at each byte. */
static void test_uvarint_edges(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit <= 64; bit++) {
		for (int delta = -1; delta <= 1; delta++) {
			uint64_t v = (bit < 64 ? (uint64_t)1 << bit : 0) + (uint64_t)delta;
			uint8_t b[32] = { 0 };
			struct wcur w = { .p = b, .cap = sizeof(b) };

			wcur_uvarint(&w, v);
			for (size_t room = w.pos; room < sizeof(b); room++) {
				struct span s = span_of(b, room);

				assert_true(span_uvarint(&s) == v);
				assert_false(s.bad);
				assert_int_equal(s.off, w.pos);
			}
			for (size_t cut = 0; cut < w.pos; cut++) {
				struct span s = span_of(b, cut);

				assert_true(span_uvarint(&s) == 0);
				assert_true(s.bad);
			}
		}
	}
}

static void test_uvarint_padded_and_too_long(void **state)
{
	uint8_t b[16] = { 0x85, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00 };
	struct span s = span_of(b, 10);

	(void)state;
	assert_true(span_uvarint(&s) == 5); /* ten bytes, zero-padded */
	assert_int_equal(s.off, 10);
	b[9] = 0x02; /* a 65th bit */
	s = span_of(b, sizeof(b));
	(void)span_uvarint(&s);
	assert_true(s.bad);
	b[9] = 0x81; /* an eleventh byte */
	s = span_of(b, sizeof(b));
	(void)span_uvarint(&s);
	assert_true(s.bad);
	b[9] = 0x01; /* the 64th bit */
	s = span_of(b, sizeof(b));
	assert_true(span_uvarint(&s) == ((uint64_t)1 << 63 | 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed),	      cmocka_unit_test(test_bad_stays),
		cmocka_unit_test(test_take_huge),     cmocka_unit_test(test_sub),
		cmocka_unit_test(test_uvarint_edges), cmocka_unit_test(test_uvarint_padded_and_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
