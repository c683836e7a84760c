#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/watch.h"

enum { MS = 1000000 };

static const char *const blocks[] = {"unspecified", "sync", "sleep", "system goroutine wait"};
static const char *const stws[] = {"unknown", "GC mark termination"};

static struct watch *make(struct cond *c, size_t n, const char *const *texts)
{
	struct diag d;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(cond_parse(texts[i], &c[i], &d), 0);
	return watch_new(c, n, (struct model_texts){blocks, 4}, (struct model_texts){stws, 2});
}

static bool rec(struct watch *w, unsigned hook, uint64_t ms, uint64_t goid, uint64_t x,
		struct watch_hit *hit)
{
	struct rec r = {
		.len = sizeof(r), .hook = (uint8_t)hook, .ts = ms * MS, .goid = goid, .x = x};

	return watch_record(w, &r, hit);
}

static void blocked(void **state)
{
	const char *const texts[] = {"blocked>250ms", "blocked(sync)>10ms"};
	struct watch_hit h;
	struct cond c[2];
	struct watch *w = make(c, 2, texts);

	(void)state;
	assert_false(rec(w, HOOK_PARK, 1000, 7, 2, &h));
	assert_false(rec(w, HOOK_READY, 1250, 7, 0, &h)); /* not more than */
	assert_false(rec(w, HOOK_EXECUTE, 1900, 7, 0, &h));
	assert_false(rec(w, HOOK_PARK, 2000, 7, 2, &h));
	assert_true(rec(w, HOOK_READY, 2301, 7, 0, &h));
	assert_ptr_equal(h.cond, &c[0]);
	assert_int_equal(h.ts, 2301ULL * MS);
	assert_string_equal(h.text, "blocked>250ms: goroutine 7 was blocked for 301ms (sleep)");
	/* Another wake-up of one that is awake says nothing. */
	assert_false(rec(w, HOOK_READY, 9000, 7, 0, &h));
	/* Started without a wake-up that was seen. */
	assert_false(rec(w, HOOK_PARK, 10000, 8, 1, &h));
	assert_true(rec(w, HOOK_EXECUTE, 10011, 8, 0, &h));
	assert_ptr_equal(h.cond, &c[1]);
	/* The runtime's own workers wait as they like; nobody knows since when 9 has slept. */
	assert_false(rec(w, HOOK_PARK, 11000, 8, 3, &h));
	assert_false(rec(w, HOOK_READY, 99000, 8, 0, &h));
	assert_false(rec(w, HOOK_READY, 99000, 9, 0, &h));
	watch_free(w);
}

static void runnable_running_syscall(void **state)
{
	const char *const texts[] = {"runnable>10ms", "running>20ms", "syscall>30ms"};
	struct watch_hit h;
	struct cond c[3];
	struct watch *w = make(c, 3, texts);

	(void)state;
	assert_false(rec(w, HOOK_CREATE, 0, 1, 0, &h));
	assert_true(rec(w, HOOK_EXECUTE, 11, 1, 0, &h));
	assert_ptr_equal(h.cond, &c[0]);
	assert_true(rec(w, HOOK_GOSCHED, 32, 1, 2, &h));
	assert_ptr_equal(h.cond, &c[1]);
	assert_false(rec(w, HOOK_EXECUTE, 40, 1, 0, &h));
	assert_false(rec(w, HOOK_SYSCALL_ENTER, 50, 1, 0, &h));
	assert_true(rec(w, HOOK_SYSCALL_EXIT, 81, 1, 0, &h));
	assert_ptr_equal(h.cond, &c[2]);
	assert_false(rec(w, HOOK_SYSCALL_NOP, 82, 1, 0, &h));
	assert_true(rec(w, HOOK_EXECUTE, 93, 1, 0, &h));
	assert_ptr_equal(h.cond, &c[0]);
	assert_true(rec(w, HOOK_EXIT, 120, 1, 0, &h));
	assert_ptr_equal(h.cond, &c[1]);
	/* Its id is free again. */
	assert_false(rec(w, HOOK_EXECUTE, 999, 1, 0, &h));
	watch_free(w);
}

static void what_hangs_is_told_once(void **state)
{
	const char *const texts[] = {"syscall>30ms", "stw>5ms"};
	struct watch_hit h;
	struct cond c[2];
	struct watch *w = make(c, 2, texts);

	(void)state;
	assert_false(rec(w, HOOK_SYSCALL_ENTER, 1000, 1, 0, &h));
	assert_false(watch_tick(w, 1900ULL * MS, 1, &h));
	assert_true(watch_tick(w, 2100ULL * MS, 1, &h));
	assert_ptr_equal(h.cond, &c[0]);
	assert_non_null(strstr(h.text, "still"));
	assert_false(watch_tick(w, 2200ULL * MS, 1, &h));
	assert_false(rec(w, HOOK_SYSCALL_EXIT, 5000, 1, 0, &h));
	assert_false(rec(w, HOOK_STW_BEGIN, 6000, 1, 1, &h));
	assert_false(rec(w, HOOK_STW_START, 6004, 1, 0, &h));
	assert_true(rec(w, HOOK_STW_END, 6006, 1, 0, &h));
	assert_string_equal(h.text,
			    "stw>5ms: goroutine 1 stopped the world for 6ms (GC mark termination)");
	assert_false(rec(w, HOOK_STW_END, 7000, 1, 0, &h));
	/* A stop that ends unseen does not hang. */
	assert_false(rec(w, HOOK_STW_BEGIN, 8000, 1, 1, &h));
	assert_false(rec(w, HOOK_STW_START, 8001, 1, 0, &h));
	assert_false(watch_tick(w, 20000ULL * MS, 1, &h));
	watch_free(w);
}

static void counts_and_calls(void **state)
{
	const char *const texts[] = {"goroutines>100", "call:main.a", "call:main.b"};
	struct watch_hit h;
	struct cond c[3];
	struct watch *w = make(c, 3, texts);

	(void)state;
	assert_false(watch_tick(w, 1, 100, &h));
	assert_true(watch_tick(w, 2, 101, &h));
	assert_string_equal(h.text, "goroutines>100: there are 101 goroutines");
	assert_false(watch_tick(w, 3, 5000, &h));
	assert_false(watch_tick(w, 4, 95, &h)); /* a flat curve does not fire again and again */
	assert_false(watch_tick(w, 5, 101, &h));
	assert_false(watch_tick(w, 6, 90, &h));
	assert_true(watch_tick(w, 7, 101, &h));
	assert_true(rec(w, HOOK_CALL, 9, 5, 1, &h));
	assert_string_equal(h.text, "call:main.b: goroutine 5 entered it");
	assert_false(rec(w, HOOK_CALL, 9, 5, 2, &h)); /* no such number */
	watch_free(w);
}

static bool plan(struct watch *w, enum rec_plan p, uint64_t flags)
{
	struct rec r = {.len = sizeof(r), .hook = HOOK_PLAN, .x = p, .y = flags};
	struct watch_hit h;

	return watch_record(w, &r, &h);
}

/* A plan that hides the end of something, or its begin, makes nothing last for ever. */
static void what_a_plan_hides(void **state)
{
	const char *const texts[] = {"blocked>40ms", "running>15ms", "syscall>1ms", "runnable>50ms", "stw>1ms"};
	struct watch_hit h;
	struct cond c[5];
	struct watch *w = make(c, 5, texts);

	(void)state;
	assert_false(plan(w, REC_PLAN_LEAN, 0));
	assert_false(rec(w, HOOK_EXECUTE, 1000, 7, 0, &h)); /* and blocks, unseen */
	assert_false(watch_tick(w, 9000ULL * MS, 1, &h));
	assert_false(rec(w, HOOK_READY, 9000, 7, 0, &h));
	assert_true(rec(w, HOOK_EXECUTE, 9051, 7, 0, &h));
	assert_ptr_equal(h.cond, &c[3]);
	assert_false(plan(w, REC_PLAN_STOP, REC_PLAN_STEP));
	assert_false(rec(w, HOOK_READY, 10000, 7, 0, &h)); /* and runs, unseen */
	assert_false(rec(w, HOOK_PARK, 10100, 7, 1, &h));
	assert_true(rec(w, HOOK_READY, 10141, 7, 0, &h));
	assert_ptr_equal(h.cond, &c[0]);
	/* What was seen before a step, or before a loss, is not known to have gone on. */
	assert_false(plan(w, REC_PLAN_FULL, REC_PLAN_STEP));
	assert_false(rec(w, HOOK_EXECUTE, 11000, 7, 0, &h));
	assert_false(plan(w, REC_PLAN_FULL, REC_PLAN_STEP | REC_PLAN_PAUSED));
	assert_false(watch_tick(w, 19000ULL * MS, 1, &h));
	assert_false(plan(w, REC_PLAN_FULL, REC_PLAN_STEP | REC_PLAN_RESUMED));
	assert_false(rec(w, HOOK_PARK, 20000, 7, 1, &h));
	assert_false(rec(w, HOOK_LOST, 20001, 0, 1, &h));
	assert_false(rec(w, HOOK_READY, 21000, 7, 0, &h));
	watch_free(w);
}

static void the_table_is_bounded(void **state)
{
	const char *const texts[] = {"blocked>1s"};
	struct watch_hit h;
	struct cond c[1];
	struct watch *w = make(c, 1, texts);

	(void)state;
	for (uint64_t g = 1; g <= WATCH_GS + 1000; g++)
		assert_false(rec(w, HOOK_CREATE, 1, g, 0, &h));
	assert_int_equal(watch_unwatched(w), 1000);
	assert_true(watch_bytes(w) < 48u * WATCH_GS);
	watch_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocked),
		cmocka_unit_test(runnable_running_syscall),
		cmocka_unit_test(what_hangs_is_told_once),
		cmocka_unit_test(counts_and_calls),
		cmocka_unit_test(what_a_plan_hides),
		cmocka_unit_test(the_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
