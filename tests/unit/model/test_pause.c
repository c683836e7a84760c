/* test_pause.c - changes of plan in a running recording, times that nobody watched, and what is told. */
#include "unit/model/script.h"

#define NOT_WATCHED "\"gotrace-bpf: not watched\""

static void say(struct script *s, const char *text)
{
	uint64_t words[REC_NOTE_MAX / 8] = { 0 };

	snprintf((char *)words, sizeof(words), "%s", text);
	RS(s, words, HOOK_NOTE, 0, .x = strlen(text));
}

static void step(struct script *s, uint64_t plan, uint64_t flags)
{
	R(s, HOOK_PLAN, 0, .x = plan, .y = REC_PLAN_STEP | flags);
}

/* The text without the announcements of later generations. */
static void expect(struct script *s, const char *want)
{
	struct buf b = { 0 };
	const char *line;

	script_run(s);
	line = (const char *)s->text.p;
	while (*line) {
		size_t n = strcspn(line, "\n") + 1;

		if (!script_is_status(line))
			buf_bytes(&b, line, n);
		line += n;
	}
	buf_bytes(&b, "", 1);
	assert_string_equal((const char *)b.p, want);
	buf_done(&b);
	script_done(s);
}

static void a_step_begins_a_generation(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	step(&s, REC_PLAN_STOP, 0);
	say(&s, "less");
	R(&s, HOOK_EXIT, 101, G(1), P(0));
	script_run(&s);
	assert_int_equal(s.stats.generations, 2);
	assert_int_equal(s.stats.pauses, 0);
	expect(&s, "m101 p0 g1 UserLog 0 \"gotrace-bpf\" \"less\" []\n"
		   "m101 p0 g1 GoDestroy\n");
}

/* The plan that a recording begins with is no step. */
static void the_first_plan_is_no_step(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PLAN, 0, .x = REC_PLAN_LEAN);
	R(&s, HOOK_EXIT, 101, G(1), P(0));
	script_run(&s);
	assert_int_equal(s.stats.generations, 1);
	script_done(&s);
}

/* g1 ran, g3 was runnable, g2 waited from before: that alone may have gone on. */
static void all_that_ran_blocks(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	say(&s, "pausing");
	step(&s, REC_PLAN_FULL, REC_PLAN_PAUSED);
	expect(&s, "m101 p0 g1 UserLog 0 \"gotrace-bpf\" \"pausing\" []\n"
		   "m101 p0 g1 GoBlock " NOT_WATCHED " []\n"
		   "m101 p0 g- GoStart g3\n"
		   "m101 p0 g3 GoBlock " NOT_WATCHED " []\n"
		   "m101 p0 g- ProcStop\n");
}

/* Blocked a moment ago: it would have been woken as soon. */
static void what_blocked_just_now_was_not_watched(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	step(&s, REC_PLAN_FULL, REC_PLAN_PAUSED);
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "g1 GoBlock \"chan receive\""));
	assert_non_null(strstr((const char *)s.text.p, "GoUnblock g1"));
	assert_non_null(strstr((const char *)s.text.p, "g1 GoBlock " NOT_WATCHED));
	assert_null(strstr((const char *)s.text.p, "GoUnblock g2")); /* from before: goes on */
	script_done(&s);
}

/* A second later that is not known any more. */
static void what_blocked_long_ago_stays(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	s.ts += 900000000;
	step(&s, REC_PLAN_FULL, REC_PLAN_PAUSED);
	script_run(&s);
	assert_null(strstr((const char *)s.text.p, "GoUnblock g1"));
	script_done(&s);
}

static void ranges_end_where_the_pause_begins(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_EXIT, 101, G(3), P(0)); /* only one that can run is left */
	R(&s, HOOK_EXECUTE, 101, G(1), P(0));
	R(&s, HOOK_GC_BEGIN, 101, G(1), P(0));
	R(&s, HOOK_STW_BEGIN, 101, G(1), P(0), .x = 1);
	step(&s, REC_PLAN_FULL, REC_PLAN_PAUSED);
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "STWEnd"));
	assert_non_null(strstr((const char *)s.text.p, "GCEnd"));
	assert_int_equal(s.stats.generations, 2);
	assert_int_equal(s.stats.pauses, 1);
	script_done(&s);
}

/* Nobody runs or wants to: one that waits says it, for the note must stand before the pause. */
static void a_note_is_said_though_nobody_runs(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_EXECUTE, 101, G(3), P(0));
	R(&s, HOOK_EXIT, 101, G(3), P(0));
	R(&s, HOOK_EXIT, 101, G(1), P(0));
	say(&s, "pausing");
	step(&s, REC_PLAN_FULL, REC_PLAN_PAUSED);
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "\"pausing\""));
	script_done(&s);
}

static void resume(struct script *s)
{
	step(s, REC_PLAN_FULL, REC_PLAN_PAUSED);
	s->ts += 3000000;
	step(s, REC_PLAN_FULL, REC_PLAN_RESUMED);
	R(s, HOOK_SNAP_P, 101, P(0), .x = 0, .y = 1);
	R(s, HOOK_SNAP_P, 0, P(1), .x = 1, .y = 0);
	R(s, HOOK_SNAP_M, 101, P(0), .x = GPTR(5));
}

/* g1 waits, g2 was woken, g3 has ended, g5 is new and runs. */
static void the_snapshot_says_what_changed(void **state)
{
	static const char *const says[] = { "GoUnblock g2", "g3 GoDestroy", "GoCreate g5",
					    "GoStart g5" };
	static const char *const order[] = { "GoCreate g5", "GoStart g5" };
	struct script s;
	const char *at;

	(void)state;
	script_begin(&s);
	resume(&s);
	R(&s, HOOK_SNAP_G, 0, G(1), .gstatus = 4);
	R(&s, HOOK_SNAP_G, 0, G(2), .gstatus = 1);
	R(&s, HOOK_SNAP_G, 101, G(5), .gstatus = 2);
	R(&s, HOOK_SNAP_END, 0, .x = 3, .y = 2);
	R(&s, HOOK_PARK, 101, G(5), P(0), .x = 4);
	R(&s, HOOK_EXECUTE, 101, G(2), P(0));
	script_run(&s);
	for (size_t i = 0; i < ARRAY_LEN(says); i++)
		if (!strstr((const char *)s.text.p, says[i]))
			fail_msg("no %s:\n%s", says[i], (const char *)s.text.p);
	at = strstr((const char *)s.text.p, order[0]);
	assert_non_null(strstr(at, order[1]));
	assert_null(strstr((const char *)s.text.p, "GoUnblock g1")); /* it still waits */
	for (unsigned r = 0; r < REPAIR_COUNT; r++)
		if (r != REPAIR_RESUME)
			assert_int_equal(s.stats.repairs[r], 0);
	assert_true(s.stats.repairs[REPAIR_RESUME] > 0);
	assert_int_equal(s.stats.live, 3);
	script_done(&s);
}

/* A record that came while memory was read is newer than what was read. */
static void a_record_is_newer_than_the_snapshot(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	resume(&s);
	R(&s, HOOK_EXECUTE, 101, G(2), P(0));
	R(&s, HOOK_CREATE, 101, G(7), P(0));
	R(&s, HOOK_SNAP_G, 0, G(1), .gstatus = 4);
	R(&s, HOOK_SNAP_G, 0, G(2), .gstatus = 4);
	R(&s, HOOK_SNAP_G, 0, G(3), .gstatus = 4);
	R(&s, HOOK_SNAP_END, 0, .x = 3, .y = 2);
	R(&s, HOOK_PARK, 101, G(2), P(0), .x = 4);
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "m101 p0 g2 GoBlock \"chan receive\""));
	assert_null(strstr((const char *)s.text.p, "g7 GoDestroy")); /* too new to be in it */
	assert_int_equal(s.stats.live, 4);
	script_done(&s);
}

static void a_gc_that_runs_is_told_again(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	resume(&s);
	R(&s, HOOK_SNAP_G, 101, G(1), .gstatus = 2);
	R(&s, HOOK_SNAP_G, 0, G(2), .gstatus = 4);
	R(&s, HOOK_SNAP_G, 0, G(3), .gstatus = 1);
	R(&s, HOOK_SNAP_GC, 0, .x = 1, .y = 2);
	R(&s, HOOK_SNAP_END, 0, .x = 3, .y = 2);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	R(&s, HOOK_EXECUTE, 101, G(3), P(0));
	R(&s, HOOK_GC_END, 101, G(3), P(0));
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "GCBegin"));
	assert_non_null(strstr((const char *)s.text.p, "GCEnd"));
	assert_int_equal(s.stats.repairs[REPAIR_GC], 0);
	script_done(&s);
}

/* In a system call that began unwatched: told so, and its P is another's. */
static void a_syscall_of_the_pause(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	resume(&s);
	R(&s, HOOK_SNAP_G, 0, G(1), .gstatus = 4);
	R(&s, HOOK_SNAP_G, 0, G(2), .gstatus = 4);
	R(&s, HOOK_SNAP_G, 102, G(3), .gstatus = 3);
	R(&s, HOOK_SNAP_END, 0, .x = 3, .y = 2);
	R(&s, HOOK_EXECUTE, 101, G(1), P(0));
	script_run(&s);
	assert_non_null(strstr((const char *)s.text.p, "g3 GoSyscallBegin"));
	assert_non_null(strstr((const char *)s.text.p, "ProcSteal"));
	script_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_begins_a_generation),
		cmocka_unit_test(the_first_plan_is_no_step),
		cmocka_unit_test(all_that_ran_blocks),
		cmocka_unit_test(what_blocked_just_now_was_not_watched),
		cmocka_unit_test(what_blocked_long_ago_stays),
		cmocka_unit_test(ranges_end_where_the_pause_begins),
		cmocka_unit_test(a_note_is_said_though_nobody_runs),
		cmocka_unit_test(the_snapshot_says_what_changed),
		cmocka_unit_test(a_record_is_newer_than_the_snapshot),
		cmocka_unit_test(a_gc_that_runs_is_told_again),
		cmocka_unit_test(a_syscall_of_the_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
