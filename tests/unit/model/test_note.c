#include "unit/model/script.h"

/* A note's text lies where pcs would be (record.h HOOK_NOTE). */
static void say(struct script *s, const char *text, uint64_t len)
{
	uint64_t words[REC_NOTE_MAX / 8] = { 0 };

	snprintf((char *)words, sizeof(words), "%s", text);
	RS(s, words, HOOK_NOTE, 0, .x = len);
}

static void logged_by_the_one_that_runs(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	say(&s, "now", 3);
	R(&s, HOOK_EXIT, 101, G(1), P(0));
	script_expect(&s, "m101 p0 g1 UserLog 0 \"gotrace-bpf\" \"now\" []\n"
			  "m101 p0 g1 GoDestroy\n");
}

static void waits_for_one_that_runs(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_EXIT, 101, G(1), P(0));
	say(&s, "later", 5);
	R(&s, HOOK_EXECUTE, 101, G(3), P(0));
	script_expect(&s, "m101 p0 g1 GoDestroy\n"
			  "m101 p0 g- GoStart g3\n"
			  "m101 p0 g3 UserLog 0 \"gotrace-bpf\" \"later\" []\n");
}

/* A length that the record has no room for is a damaged capture's: nothing is read past the end. */
static void too_long_is_left_out(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	say(&s, "never", REC_NOTE_MAX + 1);
	R(&s, HOOK_EXIT, 101, G(1), P(0));
	script_expect(&s, "m101 p0 g1 GoDestroy\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logged_by_the_one_that_runs),
		cmocka_unit_test(waits_for_one_that_runs),
		cmocka_unit_test(too_long_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
