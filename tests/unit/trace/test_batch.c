/* test_batch.c - a batch never holds a torn event, and can be numbered anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/span.h"
#include "trace/batch.h"
#include "trace/evspec.h"

/* B2: filled to the brim with events of changing size; the one that does not fit changes nothing. */
static void test_fill(void **state)
{
	struct batch *b = malloc(sizeof(*b)), *copy = malloc(sizeof(*copy));
	uint64_t n = 0;
	int err;

	(void)state;
	assert_true(b && copy);
	memset(b, 0, sizeof(*b));
	batch_begin(b, 3, 77, 1000);
	for (;;) {
		uint64_t args[] = { n * n, n };

		memcpy(copy, b, offsetof(struct batch, body) + b->len);
		err = batch_event(b, EV_GO_START, 1000 + n * 300, args, 2);
		if (err)
			break;
		n++;
	}
	assert_int_equal(err, -ENOSPC);
	assert_memory_equal(copy, b, offsetof(struct batch, body) + copy->len);
	assert_true(b->len > BATCH_MAX - 24);
	{
		struct span s = span_of(b->body, b->len);

		for (uint64_t i = 0; i < n; i++) {
			assert_int_equal(span_u8(&s), EV_GO_START);
			assert_true(span_uvarint(&s) == (i ? 300 : 0));
			assert_true(span_uvarint(&s) == i * i);
			assert_true(span_uvarint(&s) == i);
		}
		assert_false(s.bad);
		assert_int_equal(s.left, 0);
	}
	free(b);
	free(copy);
}

static void test_refusals(void **state)
{
	struct batch *b = malloc(sizeof(*b));
	uint64_t args[] = { 1, 2, 3 };

	(void)state;
	assert_non_null(b);
	batch_begin(b, 1, 5, 100);
	assert_int_equal(batch_event(b, EV_GO_START, 99, args, 2), -EINVAL);  /* before its start */
	assert_int_equal(batch_event(b, EV_GO_START, 100, args, 3), -EINVAL); /* too many */
	assert_int_equal(batch_event(b, EV_GO_START, 100, args, 1), -EINVAL);
	assert_int_equal(batch_event(b, 0, 100, args, 0), -EINVAL);
	assert_int_equal(batch_event(b, 60, 100, args, 0), -EINVAL);
	assert_int_equal(batch_event(b, EV_STRING, 100, args, 1), -EINVAL); /* has no time */
	assert_int_equal(b->len, 0);
	assert_int_equal(batch_event(b, EV_GO_START, 100, args, 2), 0);
	assert_int_equal(batch_event(b, EV_GO_START, 100, args, 2), 0); /* the same time is lawful */
	free(b);
}

static void test_flush_and_renumber(void **state)
{
	struct batch *b = malloc(sizeof(*b));
	struct buf out = { 0 };
	struct span s;

	(void)state;
	assert_non_null(b);
	batch_begin(b, 3, 77, 1000);
	assert_int_equal(batch_flush(b, &out), 0);
	assert_int_equal(out.len, 0); /* nothing in it: nothing written */
	assert_int_equal(batch_event(b, EV_PROC_STOP, 1005, NULL, 0), 0);
	assert_int_equal(batch_flush(b, &out), 0);
	assert_int_equal(batch_flush(b, &out), 0);
	buf_u8(&out, EV_END_OF_GENERATION);
	assert_int_equal(batch_renumber(out.p, out.len, 0x7ffffffff), 0);
	s = span_of(out.p, out.len);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(span_u8(&s), EV_EVENT_BATCH);
		assert_true(span_uvarint(&s) == 0x7ffffffff);
		assert_int_equal(span_uvarint(&s), 77);
		assert_int_equal(span_uvarint(&s), 1000);
		assert_int_equal(span_uvarint(&s), 2);
		assert_int_equal(span_u8(&s), EV_PROC_STOP);
		assert_int_equal(span_u8(&s), 5);
	}
	assert_int_equal(s.left, 1);
	for (size_t cut = 1; cut < out.len - 1; cut++)
		if (cut != (out.len - 1) / 2)
			assert_int_equal(batch_renumber(out.p, cut, 1), -EBADMSG);
	out.p[0] = 9;
	assert_int_equal(batch_renumber(out.p, out.len, 1), -EBADMSG);
	buf_done(&out);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_flush_and_renumber),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
