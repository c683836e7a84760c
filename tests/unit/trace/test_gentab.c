#include "wire.h"

#include <errno.h>

#include "trace/gen.h"

/* Loads the first generation of a trace of version 26 whose tables hold this. */
static int load(struct gen *g, const char *tables, struct diag *d)
{
	struct buf w = { 0 };
	struct source s;
	int rc;

	wire_sync(&w, 26, 1);
	wire_batch(&w, 1, UINT64_MAX, 5, tables);
	wire_end(&w, 26);
	assert_int_equal(source_open_mem(&s, w.p, w.len), 0);
	rc = gen_load(g, &s, 26, true, d);
	source_done(&s);
	buf_done(&w);
	return rc;
}

static void strings(void **state)
{
	struct gen g = { 0 };
	struct diag d;

	(void)state;
	assert_int_equal(load(&g,
			      "Strings\nString id=1\ndata=\"a\\x00b\"\nString "
			      "id=18446744073709551615\ndata=\"\"",
			      &d),
			 1);
	assert_int_equal(gen_str_get(&g, 1)->s.len, 3);
	assert_memory_equal(gen_str_get(&g, 1)->s.p, "a\0b", 4);
	assert_string_equal(gen_str_get(&g, UINT64_MAX)->s.p, "");
	assert_null(gen_str_get(&g, 2));
	assert_int_equal(load(&g, "Strings\nString id=3\ndata=\"x\"", &d),
			 1); /* what was, is gone */
	assert_null(gen_str_get(&g, 1));
	assert_string_equal(gen_str_get(&g, 3)->s.p, "x");
	assert_int_equal(load(&g, "Strings\nString id=3\ndata=\"x\"\nString id=3\ndata=\"x\"", &d),
			 -EBADMSG);
	assert_non_null(strstr(d.text, "string 3 is there twice"));
	assert_int_equal(load(&g, "Strings\nString id=0\ndata=\"x\"", &d), -EBADMSG);
	assert_non_null(strstr(d.text, "reserved"));
	assert_int_equal(load(&g, "Strings\nProcStop dt=1", &d), -EBADMSG);
	gen_done(&g);
}

/* A lawful number of frames, but fewer are there: the text has no such stack, so a byte is changed. */
static void cut_off_stack(void **state)
{
	struct gen g = { 0 };
	struct buf w = { 0 };
	struct source s;
	struct diag d;
	uint8_t *cnt;

	(void)state;
	wire_sync(&w, 26, 1);
	wire_batch(&w, 1, UINT64_MAX, 5, "Stacks\nStack id=77 nframes=1\npc=10 func=1 file=2 line=3");
	wire_end(&w, 26);
	cnt = memmem(w.p, w.len, (const uint8_t[]){ EV_STACK, 77, 1, 10 }, 4);
	assert_non_null(cnt);
	cnt[2] = 9;
	assert_int_equal(source_open_mem(&s, w.p, w.len), 0);
	assert_int_equal(gen_load(&g, &s, 26, true, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "cut off by the end"));
	source_done(&s);
	buf_done(&w);
	gen_done(&g);
}

static void stacks(void **state)
{
	static const char two[] = "Strings\nString id=1\ndata=\"f\"\nString id=2\ndata=\"g\"";
	struct gen g = { 0 };
	struct buf w = { 0 };
	struct source s;
	const struct gotrace_stack *a, *b;
	struct diag d;

	(void)state;
	wire_sync(&w, 26, 1);
	/* Stacks may come before the strings that they name. */
	wire_batch(&w, 1, UINT64_MAX, 5,
		   "Stacks\nStack id=4 nframes=2\npc=10 func=1 file=2 line=3\npc=20 func=2 file=0 "
		   "line=9\n"
		   "Stack id=7 nframes=1\npc=10 func=2 file=2 line=99\nStack id=8 nframes=0");
	wire_batch(&w, 1, UINT64_MAX, 5, two);
	wire_end(&w, 26);
	assert_int_equal(source_open_mem(&s, w.p, w.len), 0);
	assert_int_equal(gen_load(&g, &s, 26, true, &d), 1);
	a = gen_stack_get(&g, 4);
	b = gen_stack_get(&g, 7);
	assert_int_equal(a->cnt, 2);
	assert_string_equal(a->frames[0]->func.p, "f");
	assert_string_equal(a->frames[1]->file.p, "");
	assert_int_equal(a->frames[1]->line, 9);
	assert_ptr_equal(b->frames[0], a->frames[0]); /* the first frame of a PC wins */
	assert_int_equal(gen_stack_get(&g, 8)->cnt, 0);
	assert_int_not_equal(a->hash, b->hash);
	source_done(&s);
	buf_done(&w);
	assert_int_equal(load(&g, "Stacks\nStack id=4 nframes=1\npc=10 func=1 file=2 line=3", &d),
			 -EBADMSG);
	assert_non_null(strstr(d.text, "lacks"));
	assert_int_equal(load(&g, "Stacks\nStack id=1 nframes=0\nStack id=1 nframes=0", &d),
			 -EBADMSG);
	gen_done(&g);
}

/* The hash is of what a stack says, not of its ids and addresses. */
static void same_hash(void **state)
{
	struct gen g = { 0 };
	struct buf w = { 0 };
	struct source s;
	uint64_t h[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		buf_reset(&w);
		wire_sync(&w, 26, 1);
		wire_batch(&w, 1, UINT64_MAX, 5,
			   i ? "Strings\nString id=1\ndata=\"f\""
			     : "Strings\nString id=9\ndata=\"f\"");
		wire_batch(&w, 1, UINT64_MAX, 5,
			   i ? "Stacks\nStack id=1 nframes=1\npc=1 func=1 file=0 line=3"
			     : "Stacks\nStack id=5 nframes=1\npc=2 func=9 file=0 line=3");
		wire_end(&w, 26);
		assert_int_equal(source_open_mem(&s, w.p, w.len), 0);
		assert_int_equal(gen_load(&g, &s, 26, true, NULL), 1);
		h[i] = gen_stack_get(&g, i ? 1 : 5)->hash;
		source_done(&s);
	}
	assert_int_equal(h[0], h[1]);
	buf_done(&w);
	gen_done(&g);
}

static void samples_clocks(void **state)
{
	struct gen g = { 0 };
	struct diag d;

	(void)state;
	assert_int_equal(load(&g,
			      "CPUSamples\nCPUSample time=30 m=1 p=2 g=0 stack=0\n"
			      "CPUSample time=20 m=1 p=18446744073709551615 g=4 stack=0",
			      &d),
			 1);
	assert_int_equal(g.sample_cnt, 2);
	assert_int_equal(g.samples[0].time_ns, 20);
	assert_int_equal(g.samples[0].p, -1);
	assert_int_equal(g.samples[1].g, -1); /* 0 is no goroutine */
	assert_true(g.has_clock);
	assert_int_equal(g.clock.trace_ns, 10);
	assert_int_equal(g.clock.mono_ns, 77);
	assert_int_equal(g.clock.wall_sec, 1000);
	assert_int_equal(load(&g, "Sync\nFrequency freq=1", &d), -EBADMSG);
	assert_non_null(strstr(d.text, "second frequency"));
	assert_int_equal(load(&g, "Sync\nClockSnapshot dt=1 mono=1 sec=1 nsec=1", &d), -EBADMSG);
	assert_int_equal(load(&g, "Sync\nProcStop dt=1", &d), -EBADMSG);
	gen_done(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(strings), cmocka_unit_test(stacks),
					    cmocka_unit_test(cut_off_stack),
					    cmocka_unit_test(same_hash),
					    cmocka_unit_test(samples_clocks) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
