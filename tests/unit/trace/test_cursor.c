#include "wire.h"

#include <errno.h>

#include "trace/cursor.h"

static void headers(void **state)
{
	static const struct {
		const char *bytes;
		int want;
		const char *text;
	} cases[] = {
		{ "go 1.22 trace\0\0\0", 22, "" },
		{ "go 1.26 trace\0\0\0", 26, "" },
		{ "go 1.24 trace\0\0\0", -ENOTSUP, "unknown" },
		{ "go 1.27 trace\0\0\0", -ENOTSUP, "newer gotrace-bpf" },
		{ "go 1.19 trace\0\0\0", -ENOTSUP, "Go 1.19 (version 1)" },
		{ "go 1.5 trace\0\0\0\0", -ENOTSUP, "Go 1.5 (version 1)" },
		{ "go 1.22 trace\0\0x", -EBADMSG, "not a Go execution trace" },
		{ "go 1.x2 trace\0\0\0", -EBADMSG, "not a Go execution trace" },
		{ "\x7f"
		  "ELF............",
		  -EBADMSG, "not a Go execution trace" },
	};
	unsigned v;
	struct diag d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc = cursor_header(cases[i].bytes, 16, &v, &d);

		if (cases[i].want > 0) {
			assert_int_equal(rc, 0);
			assert_int_equal(v, cases[i].want);
		} else {
			assert_int_equal(rc, cases[i].want);
			assert_non_null(strstr(d.text, cases[i].text));
		}
	}
	assert_int_equal(cursor_header("", 0, &v, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "empty"));
	assert_int_equal(cursor_header("go 1.2", 6, &v, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "truncated"));
}

static int one_batch(const void *p, size_t n, struct cursor_batch *b, struct diag *d)
{
	struct span s = span_of(p, n);

	return cursor_batch(&s, 100, 26, b, d);
}

static void batches(void **state)
{
	static const uint8_t good[] = { 1, 2, 3, 0x84, 0, 2, 4, 5 }; /* a padded number */
	static const uint8_t exp[] = { 49, 1, 2, 3, 4, 1, 4 },
			     huge[] = { 1, 1, 1, 1, 0x81, 0x80, 4 };
	uint8_t longnum[32] = { 1 };
	struct cursor_batch b;
	struct diag d;

	(void)state;
	assert_int_equal(one_batch(good, sizeof(good), &b, &d), 0);
	assert_int_equal(b.kind, BATCH_STRINGS);
	assert_int_equal(b.gen, 2);
	assert_int_equal(b.m, 3);
	assert_int_equal(b.ts, 4);
	assert_int_equal(b.head_len + b.len, sizeof(good));
	for (size_t i = 0; i < sizeof(good); i++) {
		assert_int_equal(one_batch(good, i, &b, &d), -EBADMSG);
		assert_non_null(strstr(d.text, "truncated"));
		assert_int_equal(d.off, 100);
	}
	assert_int_equal(one_batch(exp, sizeof(exp), &b, &d), 0);
	assert_int_equal(b.kind, BATCH_EXPERIMENT);
	assert_int_equal(one_batch(huge, sizeof(huge), &b, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "65537 bytes"));
	memset(longnum + 1, 0xff, sizeof(longnum) - 1);
	assert_int_equal(one_batch(longnum, sizeof(longnum), &b, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "64 bits"));
	assert_int_equal(one_batch("\x34", 1, &b, &d), 0);
	assert_int_equal(b.kind, BATCH_END);
	assert_int_equal(one_batch("\x35zzzzzz", 7, &b, &d), -EBADMSG);
}

/* Numbers of every length, near the end of the batch and far from it, read the same. */
static void numbers(void **state)
{
	(void)state;
	for (size_t tail = 0; tail < 100; tail += 99) {
		for (unsigned bits = 0; bits < 65; bits++) {
			uint64_t v = bits ? UINT64_MAX >> (64 - bits) : 0;
			static struct cursor c;
			const char *why;
			struct buf b = { 0 };

			buf_u8(&b, EV_GO_START);
			buf_uvarint(&b, bits < 40 ? v : 1);
			buf_uvarint(&b, v);
			buf_uvarint(&b, v / 3);
			for (size_t i = 0; i < tail; i++) {
				buf_u8(&b, EV_PROC_STOP);
				buf_u8(&b, 1);
			}
			memset(&c, 0, sizeof(c));
			cursor_begin(&c, b.p, b.len, 1000, 1.0);
			assert_int_equal(cursor_fill(&c, &why), 1);
			assert_int_equal(c.ev->type, EV_GO_START);
			assert_int_equal(c.ev->args[0], v);
			assert_int_equal(c.ev->args[1], v / 3);
			assert_int_equal(c.ev->time_ns, 1000 + (int64_t)(bits < 40 ? v : 1));
			assert_int_equal(c.end - c.ev, tail + 1);
			/* Cut off anywhere it is refused. */
			for (size_t n = 1; !tail && n < b.len; n++) {
				cursor_begin(&c, b.p, n, 1000, 1.0);
				assert_int_equal(cursor_fill(&c, &why), -EBADMSG);
			}
			buf_done(&b);
		}
	}
}

/* K3: blocks follow each other. */
static void blocks(void **state)
{
	static struct cursor c;
	struct buf b = { 0 };
	const char *why;
	uint64_t seen = 0;

	(void)state;
	for (uint64_t i = 0; i < 300; i++) {
		buf_u8(&b, EV_HEAP_ALLOC);
		buf_uvarint(&b, 2);
		buf_uvarint(&b, i * 1000);
	}
	cursor_begin(&c, b.p, b.len, 10, 0.5);
	while (cursor_fill(&c, &why) == 1)
		for (; c.ev < c.end; c.ev++, seen++) {
			assert_int_equal(c.ev->args[0], seen * 1000);
			assert_int_equal(c.ev->time_ns, 5 + (int64_t)seen + 1);
		}
	assert_int_equal(seen, 300);
	buf_done(&b);
}

static void refused(void **state)
{
	static struct cursor c;
	const char *why;

	(void)state;
	cursor_begin(&c, (const uint8_t *)"\x03\x01\x01", 3, 1, 1);
	assert_int_equal(cursor_fill(&c, &why), -EBADMSG);
	assert_non_null(strstr(why, "does not belong"));
	cursor_begin(&c, (const uint8_t *)"\x0b\x01\xff\x01\x01", 5, 1, 1);
	assert_int_equal(cursor_fill(&c, &why), 1); /* what is good first */
	assert_int_equal(c.end - c.ev, 1);
	assert_int_equal(cursor_fill(&c, &why), -EBADMSG);
	assert_non_null(strstr(why, "no event"));
	assert_int_equal(c.s.off, 2);
}

static void times(void **state)
{
	(void)state;
	assert_int_equal(cursor_ns(1.0, 123456789), 123456789);
	assert_int_equal(cursor_ns(64.0, UINT64_MAX), INT64_MIN);
	assert_int_equal(cursor_ns(0.25, UINT64_MAX), 0x4000000000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers), cmocka_unit_test(batches), cmocka_unit_test(numbers),
		cmocka_unit_test(blocks),  cmocka_unit_test(refused), cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
