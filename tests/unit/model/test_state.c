/* test_state.c - what the formats differ in: coroutines, creations that are blocked. */
#include "unit/model/script.h"

/* A coroutine is made, switched to, switches back, is switched to, ends. */
static void coroutine(struct script *s, unsigned format)
{
	script_begin(s);
	s->opts.format = format;
	R(s, HOOK_CREATE, 101, G(5), P(0), .x = 0x403000, .gstatus = 4);
	R(s, HOOK_COROSWITCH, 101, G(1), P(0), .x = GPTR(5), .y = 5);
	R(s, HOOK_COROSWITCH, 101, G(5), P(0), .x = GPTR(1), .y = 1);
	R(s, HOOK_COROSWITCH, 101, G(1), P(0), .x = GPTR(5), .y = 5);
	R(s, HOOK_COROSWITCH, 101, G(5), P(0), .x = GPTR(1), .y = 1, .flags = REC_F_COROEXIT);
	script_run(s);
	for (unsigned r = 0; r < REPAIR_COUNT; r++)
		assert_int_equal(s->stats.repairs[r], 0);
}

static void test_coroutines_in_22(void **state)
{
	struct script s;

	(void)state;
	coroutine(&s, 22);
	assert_null(strstr((const char *)s.text.p, "GoSwitch"));
	assert_non_null(strstr((const char *)s.text.p,
			       "m101 p0 g1 GoCreate g5 [main.f4030_0] []\n"
			       "m101 p0 g1 GoBlock \"unspecified\" []\n" /* no GoUnblock: 5 is runnable */
			       "m101 p0 g- GoStart g5\n"
			       "m101 p0 g5 GoUnblock g1 []\n"
			       "m101 p0 g5 GoBlock \"unspecified\" []\n"
			       "m101 p0 g- GoStart g1\n"
			       "m101 p0 g1 GoUnblock g5 []\n"
			       "m101 p0 g1 GoBlock \"unspecified\" []\n"
			       "m101 p0 g- GoStart g5\n"
			       "m101 p0 g5 GoUnblock g1 []\n"
			       "m101 p0 g5 GoDestroy\n"
			       "m101 p0 g- GoStart g1\n"));
	script_done(&s);
}

static void test_coroutines_from_23(void **state)
{
	static const unsigned formats[] = { 23, 25, 26 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		struct script s;

		coroutine(&s, formats[i]);
		assert_non_null(strstr((const char *)s.text.p, "GoCreateBlocked g5"));
		assert_non_null(strstr((const char *)s.text.p, "m101 p0 g1 GoSwitch g5\n"));
		assert_non_null(strstr((const char *)s.text.p, "m101 p0 g5 GoSwitchDestroy g1\n"));
		script_done(&s);
	}
}

/* A coroutine that waits to begin, over a generation's end: runnable to readers of 22. */
static void test_new_coroutine_over_generations(void **state)
{
	static const unsigned formats[] = { 22, 23 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		struct script s;

		script_begin(&s);
		s.opts.format = formats[i];
		s.opts.gen_ns = 1000;
		R(&s, HOOK_CREATE, 101, G(5), P(0), .x = 0x403000, .gstatus = 4);
		s.ts += 5000;
		R(&s, HOOK_COROSWITCH, 101, G(1), P(0), .x = GPTR(5), .y = 5);
		script_run(&s);
		assert_int_equal(s.stats.generations, 2);
		assert_non_null(strstr((const char *)s.text.p, "GoStart g5\n"));
		script_done(&s);
	}
}

/* M3: times rise strictly, though all records come at one moment. */
static void test_times_rise(void **state)
{
	struct script s;
	int64_t last = -1;

	(void)state;
	script_begin(&s);
	s.times = true;
	for (int i = 0; i < 100; i++) {
		R(&s, HOOK_GOSCHED, 101, G(1), P(0), .x = 1, .ts = 2000000000);
		R(&s, HOOK_EXECUTE, 101, G(1), P(0), .ts = 2000000000);
	}
	script_run(&s);
	for (const char *line = strchr((const char *)s.text.p, '\n') + 1; *line;
	     line = strchr(line, '\n') + 1) {
		int64_t t = strtoll(line, NULL, 10);

		assert_true(t > last);
		last = t;
	}
	script_done(&s);
}

/* An id is used once: a P whose number was lost gets a free one. */
static void test_p_ids(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_ACQUIRE, 102, P(9), .x = 0);		 /* 0 is taken */
	R(&s, HOOK_ACQUIRE, 103, P(10), .x = UINT64_MAX); /* readers' "none" */
	R(&s, HOOK_ACQUIRE, 104, P(11), .x = 30);
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "m102 p- g- ProcStart p2\n"));
	assert_non_null(strstr((const char *)s.text.p, "m103 p- g- ProcStart p3\n"));
	assert_non_null(strstr((const char *)s.text.p, "m104 p- g- ProcStart p30\n"));
	script_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_coroutines_in_22),
		cmocka_unit_test(test_coroutines_from_23),
		cmocka_unit_test(test_new_coroutine_over_generations),
		cmocka_unit_test(test_times_rise),
		cmocka_unit_test(test_p_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
