#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "cmd/cond.h"

static void good(void **state)
{
	static const struct {
		const char *text;
		enum cond_kind kind;
		uint64_t limit;
		const char *reason;
	} v[] = {
		{"runnable>100ms", COND_RUNNABLE, 100000000, ""},
		{"blocked>1.5s", COND_BLOCKED, 1500000000, ""},
		{"blocked(sync)>1s", COND_BLOCKED, 1000000000, "sync"},
		{"blocked(sync.(*Cond).Wait)>1m30s", COND_BLOCKED, 90000000000,
		 "sync.(*Cond).Wait"},
		{"blocked(chan receive)>250us", COND_BLOCKED, 250000, "chan receive"},
		{"running>10ms", COND_RUNNING, 10000000, ""},
		{"syscall>1h", COND_SYSCALL, 3600000000000, ""},
		{"stw>900ns", COND_STW, 900, ""},
		{"gc-assist>2ms", COND_ASSIST, 2000000, ""},
		{"goroutines>5000", COND_GOROUTINES, 5000, ""},
		{"goroutines>0", COND_GOROUTINES, 0, ""},
		{"call:main.(*Server).handle", COND_CALL, 0, ""},
	};
	struct cond c;
	struct diag d;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(cond_parse(v[i].text, &c, &d), 0);
		assert_int_equal(c.kind, v[i].kind);
		assert_int_equal(c.limit, v[i].limit);
		assert_string_equal(c.reason, v[i].reason);
		assert_string_equal(c.text, v[i].text);
	}
	assert_string_equal(cond_func(&c), "main.(*Server).handle");
}

/* The place in d.off, counted from 0, and from 1 in the sentence. */
static void bad(void **state)
{
	static const struct {
		const char *text;
		uint64_t off;
		const char *says;
	} v[] = {
		{"", 0, "no such condition"},
		{"blokced>1s", 0, "no such condition"},
		{"runnables>1s", 0, "no such condition"},
		{"runnable", 8, "'>'"},
		{"runnable<1s", 0, "no such condition"},
		{"runnable(sync)>1s", 8, "only blocked"},
		{"blocked>", 8, "a time is wanted"},
		{"blocked>ms", 8, "a time is wanted"},
		{"blocked>-1s", 8, "a time is wanted"},
		{"blocked>25", 10, "a unit is wanted"},
		{"blocked>25x", 10, "a unit is wanted"},
		{"blocked>25ms ", 12, "a time is wanted"},
		{"blocked>1s5", 11, "a unit is wanted"},
		{"blocked>0s", 8, "above zero"},
		{"blocked>99999999999999999999h", 8, "no time"},
		{"blocked(sinc)>1s", 8, "no such reason"},
		{"blocked()>1s", 8, "no such reason"},
		{"blocked(sync", 12, "missing"},
		{"goroutines>", 11, "a number"},
		{"goroutines>1k", 12, "ends here"},
		{"goroutines>1000000000", 11, "no process"},
		{"call", 4, "takes a function"},
		{"call>1", 4, "takes a function"},
		{"call:", 5, "name of a function"},
	};
	struct cond c = {.limit = 42};
	struct diag d;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(cond_parse(v[i].text, &c, &d), -EINVAL);
		if (d.off != v[i].off || !strstr(d.text, v[i].says))
			fail_msg("'%s': offset %d: %s", v[i].text, (int)d.off, d.text);
		assert_int_equal(c.limit, 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(bad)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
