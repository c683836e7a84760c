/* test_gen.c - each generation announces all that lives, with the state it has. */
#include "unit/model/script.h"

static const char *line_after(const char *text, const char *mark)
{
	const char *at = strstr(text, mark);

	assert_non_null(at);
	return at + strlen(mark);
}

static bool has(const char *text, const char *end, const char *what)
{
	const char *at = strstr(text, what);

	return at && (!end || at < end);
}

static void test_announced_anew(void **state)
{
	static const char *const lines[] = {
		"m101 p0 g3 ProcStatus p0 syscall\n",  "m102 p1 g1 ProcStatus p1 running\n",
		"GoStatusStack g2 m- waiting [main.f4010_0]\n", "GoStatus g1 m102 running\n",
		"g3 m101 syscall [main.f4020_0]\n",    "GoStatus g5 m- runnable\n",
	};
	struct script s;
	const char *gen2;

	(void)state;
	script_begin(&s);
	s.opts.gen_ns = 1000;
	R(&s, HOOK_READY, 101, G(2), P(0));
	R(&s, HOOK_CREATE, 101, G(5), P(0));
	R(&s, HOOK_GOSCHED, 101, G(1), P(0), .x = 1);
	R(&s, HOOK_EXECUTE, 101, G(2), P(0));
	RS(&s, PCS(0x401001), HOOK_PARK, 101, G(2), P(0), .x = 4);
	R(&s, HOOK_EXECUTE, 101, G(3), P(0));
	R(&s, HOOK_ACQUIRE, 102, P(1), .x = 1);
	R(&s, HOOK_EXECUTE, 102, G(1), P(1));
	RS(&s, PCS(0x402001), HOOK_SYSCALL_ENTER, 101, G(3), P(0));
	s.ts += 2000;
	R(&s, HOOK_PROCRESIZE, 102, G(1), P(1), .x = 2);
	script_run(&s);
	gen2 = line_after((const char *)s.text.p, "= 2\n");
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (!has(gen2, strstr(gen2, "ProcsChange"), lines[i]))
			fail_msg("not announced: %s%s", lines[i], gen2);
	assert_int_equal(s.stats.generations, 2);
	script_done(&s);
}

/* Header 22 has no GoStatusStack. */
static void test_no_stacks_in_22(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	s.opts.format = 22;
	s.opts.gen_ns = 1000;
	RS(&s, PCS(0x401001), HOOK_PARK, 101, G(1), P(0), .x = 4);
	s.ts += 2000;
	R(&s, HOOK_READY, 101, G(2), P(0));
	script_run(&s);
	assert_null(strstr((const char *)s.text.p, "GoStatusStack"));
	assert_non_null(strstr((const char *)s.text.p, "GoStatus g1 m- waiting\n"));
	script_done(&s);
}

/* A GC that runs is told in each generation, by a goroutine that runs; GOMAXPROCS, too. */
static void test_gc_across_generations(void **state)
{
	struct script s;
	const char *gen2, *gen3;

	(void)state;
	script_begin(&s);
	s.opts.gen_ns = 1000;
	R(&s, HOOK_PROCRESIZE, 101, G(1), P(0), .x = 2);
	R(&s, HOOK_GC_BEGIN, 101, G(1), P(0));
	s.ts += 2000;
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	s.ts += 2000;
	R(&s, HOOK_READY, 101, G(2), P(0));
	R(&s, HOOK_EXECUTE, 101, G(2), P(0));
	R(&s, HOOK_GC_END, 101, G(2), P(0));
	script_run(&s);
	gen2 = line_after((const char *)s.text.p, "= 2\n");
	gen3 = line_after(gen2, "= 3\n");
	assert_true(has(gen2, gen3, "m101 p0 g1 GCActive\n"));
	assert_true(has(gen2, gen3, "m101 p0 g1 ProcsChange 2 []\n"));
	assert_true(has(gen3, NULL, "m101 p0 g- GoStart g2\nm101 p0 g2 GCActive\n"));
	assert_true(has(gen3, NULL, "m101 p0 g2 GCEnd\n"));
	script_done(&s);
}

/* Nothing ran in a whole generation, but a GC does: told by a goroutine that runs for a moment. */
static void test_gc_in_an_idle_generation(void **state)
{
	struct script s;
	const char *gen2;

	(void)state;
	script_begin(&s);
	s.opts.gen_ns = 1000;
	R(&s, HOOK_GC_BEGIN, 101, G(1), P(0));
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	s.ts += 2000;
	R(&s, HOOK_READY, 101, G(2), P(0));
	s.ts += 2000;
	R(&s, HOOK_READY, 101, G(1), P(0));
	script_run(&s);
	gen2 = line_after((const char *)s.text.p, "= 2\n");
	assert_true(has(gen2, strstr(gen2, "= 3\n"), "GCActive\n"));
	script_done(&s);
}

/* No cut while the world is stopped; one that never ends is ended. */
static void test_stopped_world_is_not_cut(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	s.opts.gen_ns = 1000;
	R(&s, HOOK_STW_BEGIN, 101, G(1), P(0), .x = 1);
	s.ts += 2000;
	R(&s, HOOK_READY, 101, G(2), P(0));
	script_run(&s);
	assert_int_equal(s.stats.generations, 1);
	s.ts += 10000;
	R(&s, HOOK_READY, 101, G(2), P(0));
	script_run(&s);
	assert_int_equal(s.stats.generations, 2);
	assert_int_equal(s.stats.repairs[REPAIR_GC], 1);
	script_done(&s);
}

static void test_cut_by_size(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	s.opts.gen_bytes = 2000;
	for (int i = 0; i < 1000; i++) {
		R(&s, HOOK_GOSCHED, 101, G(1), P(0), .x = 1);
		R(&s, HOOK_EXECUTE, 101, G(1), P(0));
	}
	script_run(&s);
	assert_in_range(s.stats.generations, 3, 20);
	script_done(&s);
}

/* The same records give the same bytes (M5). */
static void test_same_bytes(void **state)
{
	struct script s;
	struct buf again = { 0 };

	(void)state;
	script_begin(&s);
	for (int i = 0; i < 50; i++)
		RS(&s, PCS(0x401001, 0x402001), HOOK_GOSCHED, 101, G(1), P(0), .x = 1);
	script_run(&s);
	assert_int_equal(lab_run(&s.opts, &s.recs, &again, NULL), 0);
	assert_int_equal(again.len, s.trace.len);
	assert_memory_equal(again.p, s.trace.p, again.len);
	buf_done(&again);
	script_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_announced_anew),
		cmocka_unit_test(test_no_stacks_in_22),
		cmocka_unit_test(test_gc_across_generations),
		cmocka_unit_test(test_gc_in_an_idle_generation),
		cmocka_unit_test(test_stopped_world_is_not_cut),
		cmocka_unit_test(test_cut_by_size),
		cmocka_unit_test(test_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
