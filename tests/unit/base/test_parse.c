/* test_parse.c - what people type, sense and nonsense, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/num.h"
#include "base/parse.h"

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "5", 5000000000 },	   { "5s", 5000000000 },     { "500ms", 500000000 },
		{ "1m30s", 90000000000 },  { "2h", 7200000000000 },  { "1.5s", 1500000000 },
		{ "250us", 250000 },	   { "100ns", 100 },	     { ".5s", 500000000 },
		{ "0.000000001s", 1 },	   { "1H", 3600000000000 },  { "1h2m3s4ms", 3723004000000 },
		{ "9223372036s", 9223372036000000000 },
	};
	uint64_t ns;
	struct diag d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (parse_duration(good[i].text, &ns, &d))
			fail_msg("%s: %s", good[i].text, d.text);
		if (ns != good[i].ns)
			fail_msg("%s: %llu", good[i].text, (unsigned long long)ns);
	}
}

static void test_bad_durations(void **state)
{
	static const char *const bad[] = { "", "s", "-5s", "+5s", "5 s", " 5s", "5s ", "5x", "5ss",
					   "1e3", "0x10", ".", ".s", "5.5.5s", "five", "5s,",
					   "inf", "nan", "\n" };
	static const char *const zero[] = { "0", "0s", "0.0h", "0ns", "0.9ns" };
	static const char *const large[] = { "9999999999999999999999s", "300000h0m9999999999999h",
					     "9223372037s", "18446744073709551616",
					     "18446744073.9s" /* wraps only with its fraction */ };
	uint64_t ns = 42;
	struct diag d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(parse_duration(bad[i], &ns, &d), -EINVAL);
		assert_non_null(strstr(d.text, "is not a duration"));
	}
	for (size_t i = 0; i < ARRAY_LEN(zero); i++) {
		assert_int_equal(parse_duration(zero[i], &ns, &d), -EINVAL);
		assert_non_null(strstr(d.text, "is zero"));
	}
	for (size_t i = 0; i < ARRAY_LEN(large); i++) {
		assert_int_equal(parse_duration(large[i], &ns, &d), -ERANGE);
		assert_non_null(strstr(d.text, "too long"));
	}
	assert_int_equal(ns, 42);
	assert_int_equal(parse_duration("x", &ns, NULL), -EINVAL);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t n;
	} good[] = { { "64mb", 64 << 20 }, { "1g", 1 << 30 },   { "512k", 512 << 10 },
		     { "100kb", 102400 },  { "7", 7 },	       { "7b", 7 },
		     { "1.5m", 3 << 19 },  { "2GiB", 2ULL << 30 }, { "1KIB", 1024 } };
	static const char *const bad[] = { "", "mb", "-1", "1 mb", "1t", "64mb1k", "0x5", "1mb " };
	uint64_t n = 42;
	struct diag d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse_size(bad[i], &n, &d), -EINVAL);
	assert_int_equal(parse_size("0", &n, &d), -EINVAL);
	assert_int_equal(parse_size("99999999999999g", &n, &d), -ERANGE);
	assert_int_equal(n, 42);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(parse_size(good[i].text, &n, &d), 0);
		assert_true(n == good[i].n);
	}
}

static void test_numbers(void **state)
{
	uint64_t n = 42;
	struct diag d;

	(void)state;
	assert_int_equal(parse_u64("", "pid", 1, 9, &n, &d), -EINVAL);
	assert_int_equal(parse_u64("-1", "pid", 1, 9, &n, &d), -EINVAL);
	assert_int_equal(parse_u64("1a", "pid", 1, 9, &n, &d), -EINVAL);
	assert_int_equal(parse_u64("0", "pid", 1, 9, &n, &d), -ERANGE);
	assert_int_equal(parse_u64("10", "pid", 1, 9, &n, &d), -ERANGE);
	assert_string_equal(d.text, "pid '10' is not between 1 and 9");
	assert_int_equal(parse_u64("18446744073709551616", "pid", 0, UINT64_MAX, &n, &d), -ERANGE);
	assert_int_equal(n, 42);
	assert_int_equal(parse_u64("18446744073709551615", "pid", 0, UINT64_MAX, &n, &d), 0);
	assert_true(n == UINT64_MAX);
}

static void test_back_to_text(void **state)
{
	char t[PARSE_TEXT_MAX];

	(void)state;
	assert_string_equal(parse_fmt_ns(850, t), "850ns");
	assert_string_equal(parse_fmt_ns(1234000, t), "1.234ms");
	assert_string_equal(parse_fmt_ns(12300000000, t), "12.30s");
	assert_string_equal(parse_fmt_ns(UINT64_MAX, t), "18446744073.71s");
	assert_string_equal(parse_fmt_bytes(1023, t), "1023 B");
	assert_string_equal(parse_fmt_bytes(3565158, t), "3.4 MB");
	assert_string_equal(parse_fmt_bytes(UINT64_MAX, t), "17179869184.00 GB");
	assert_string_equal(parse_fmt_count(0, t), "0");
	assert_string_equal(parse_fmt_count(999, t), "999");
	assert_string_equal(parse_fmt_count(1234567, t), "1,234,567");
	assert_string_equal(parse_fmt_count(UINT64_MAX, t), "18,446,744,073,709,551,615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations), cmocka_unit_test(test_bad_durations),
		cmocka_unit_test(test_sizes),	  cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_back_to_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
