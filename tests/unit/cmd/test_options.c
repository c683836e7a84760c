/* test_options.c - every option, every nonsense, and what is said about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/num.h"
#include "cmd/options.h"
#include "include/record.h"

enum { WORDS_MAX = 16 };

/* The words of a line, split at blanks; '_' stands for an empty word. */
static int parse(const char *line, struct options *o, struct diag *d)
{
	static char text[256];
	char *argv[WORDS_MAX + 1] = { (char *)"gotrace-bpf" }, *save;
	int argc = 1;

	snprintf(text, sizeof(text), "%s", line);
	for (char *w = strtok_r(text, " ", &save); w && argc < WORDS_MAX; w = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(w, "_") ? w : (char *)"";
	argv[argc] = NULL;
	return options_record(argc, argv, o, d);
}

static void test_good(void **state)
{
	struct options o;
	struct diag d;

	(void)state;
	assert_int_equal(parse("-p 42", &o, &d), 0);
	assert_int_equal(o.pid, 42);
	assert_int_equal(o.duration_ns, 0);
	assert_null(o.out);
	assert_int_equal(o.format, 0);
	assert_int_equal(parse("--pid=42 -d 1m30s -o - --format 1.23 --capture c.graw --ring 2m "
			       "--syscalls off --traced -q",
			       &o, &d),
			 0);
	assert_true(o.duration_ns == 90000000000);
	assert_string_equal(o.out, "-");
	assert_string_equal(o.capture, "c.graw");
	assert_int_equal(o.format, 23);
	assert_int_equal(o.ring_bytes, 2 << 20);
	assert_true(o.allow_traced && o.quiet && !o.verbose);
}

/* A flight recorder and --plan auto have a budget unless told otherwise, a plain recording has none. */
static void test_budget(void **state)
{
	static const struct {
		const char *line;
		double share;
		uint64_t rate;
	} lines[] = {
		{ "-p 1", 0, 0 },
		{ "-p 1 --plan lean", 0, 0 },
		{ "-p 1 -F 5s", 0.03, 0 },
		{ "-p 1 --plan auto", 0.03, 0 },
		{ "-p 1 -F 5s --max-overhead off", 0, 0 },
		{ "-p 1 --max-overhead 5%", 0.05, 0 },
		{ "-p 1 --max-overhead 5", 0.05, 0 },
		{ "-p 1 -F 5s --max-overhead 0.5%", 0.005, 0 },
		{ "-p 1 --max-rate 20000", 0, 20000 },
		{ "-p 1 --plan auto --max-rate 20000 --max-overhead off", 0, 20000 },
		{ "-p 1 -F 5s --max-rate 20000", 0.03, 20000 },
	};
	struct options o;
	struct diag d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (parse(lines[i].line, &o, &d) < 0)
			fail_msg("%s: %s", lines[i].line, d.text);
		if (fabs(o.budget.max_share - lines[i].share) > 1e-12 ||
		    o.budget.max_rate != lines[i].rate)
			fail_msg("%s: %g, %llu", lines[i].line, o.budget.max_share,
				 (unsigned long long)o.budget.max_rate);
	}
	assert_int_equal(parse("-p 1 --plan auto", &o, &d), 0);
	assert_int_equal(o.plan, REC_PLAN_FULL);
}

static void test_bad(void **state)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{ "", "no process named" },
		{ "-d 5s", "no process named" },
		{ "-p", "needs a value" },
		{ "-p 0", "not between 1" },
		{ "-p -5", "not a number" },
		{ "-p abc", "'abc' is not a number" },
		{ "-p 4a", "not a number" },
		{ "-p _", "not a number" },
		{ "-p 99999999999999999999999", "too large" },
		{ "-p 4194305", "not between" },
		{ "-p 1 -d 0", "is zero" },
		{ "-p 1 -d 0s", "is zero" },
		{ "-p 1 -d -5s", "is not a duration" },
		{ "-p 1 -d 5x", "is not a duration" },
		{ "-p 1 -d _", "is not a duration" },
		{ "-p 1 -d 99999999999999999999s", "too long" },
		{ "-p 1 -d", "needs a value" },
		{ "-p 1 -o _", "empty" },
		{ "-p 1 --format 1.24", "no such trace format" },
		{ "-p 1 --format 26", "no such trace format" },
		{ "-p 1 --syscalls yes", "--syscalls 'yes'" },
		{ "-p 1 --plan best", "--plan 'best'" },
		{ "-p 1 --max-overhead x", "--max-overhead 'x'" },
		{ "-p 1 --max-overhead _", "--max-overhead ''" },
		{ "-p 1 --max-overhead %", "no number" },
		{ "-p 1 --max-overhead 5%%", "no number" },
		{ "-p 1 --max-overhead -5%", "--max-overhead '-5%'" },
		{ "-p 1 --max-overhead 1e2", "--max-overhead '1e2'" },
		{ "-p 1 --max-overhead 0", "0.1% to 1000%" },
		{ "-p 1 --max-overhead 5000%", "0.1% to 1000%" },
		{ "-p 1 --max-rate 0", "--max-rate" },
		{ "-p 1 --max-rate many", "--max-rate" },
		{ "-p 1 --plan auto --max-overhead off", "--plan auto" },
		{ "-p 1 --ring 1k", "256k" },
		{ "-p 1 --ring 99g", "16g" },
		{ "-p 1 --ring x", "not a size" },
		{ "-p 1 -F 5s --plan lean --on syscall>1ms", "--plan lean does not show that" },
		{ "-p 1 -F 5s --plan stop --on running>1ms", "--plan stop does not show that" },
		{ "-p 1 -F 5s --syscalls off --on syscall>1ms", "--syscalls off does not show that" },
		{ "-p 1 --nonsense", "unknown option '--nonsense'" },
		{ "-p 1 -z", "unknown option" },
		{ "-p 1 word", "unknown word 'word'" },
	};
	struct options o = { .pid = 7 };
	struct diag d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		d.text[0] = '\0';
		if (parse(bad[i].line, &o, &d) >= 0)
			fail_msg("accepted: %s", bad[i].line);
		if (!strstr(d.text, bad[i].says))
			fail_msg("%s: says '%s', not '%s'", bad[i].line, d.text, bad[i].says);
	}
	assert_int_equal(o.pid, 7); /* written only on success */
}

/* All that is understood is told. */
static void test_help_names_all(void **state)
{
	static const char *const words[] = { "--pid", "--duration", "--output", "--format",
					     "--capture", "--syscalls", "--plan", "--max-overhead",
					     "--max-rate", "--ring", "--traced",
					     "--quiet", "--verbose", "--version", "--help",
					     "check", "replay", "validate" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strstr(options_help, words[i]))
			fail_msg("--help does not name %s", words[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_help_names_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
