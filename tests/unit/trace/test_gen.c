#include "wire.h"

#include <errno.h>

#include "trace/gen.h"

static int next(struct gen *g, struct source *s, unsigned version, bool first, struct diag *d)
{
	return gen_load(g, s, version, first, d);
}

static void two(void **state)
{
	static const unsigned versions[] = { 22, 23, 25, 26 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		unsigned v = versions[i];
		struct gen g = { 0 };
		struct buf w = { 0 };
		struct source s;
		struct diag d;

		wire_sync(&w, v, 3);
		wire_batch(&w, 3, 7, 50, "ProcStop dt=1");
		wire_batch(&w, 3, 8, 40, "ProcStop dt=1");
		wire_batch(&w, 3, 7, 60, "ProcStop dt=1");
		wire_end(&w, v);
		wire_sync(&w, v, 4);
		wire_end(&w, v);
		assert_int_equal(source_open_mem(&s, w.p, w.len), 0);
		assert_int_equal(next(&g, &s, v, true, &d), 1);
		assert_int_equal(g.gen, 3);
		assert_int_equal(g.min_ts, 1);
		assert_int_equal(g.thread_cnt, 2);
		assert_int_equal(g.threads[0].m, 7); /* in the order of appearance */
		assert_int_equal(g.batches[g.threads[0].first - 1].next, g.threads[0].last);
		assert_int_equal(g.batches[g.threads[0].last - 1].b.ts, 60);
		assert_int_equal(g.has_clock, v >= 25);
		assert_int_equal(next(&g, &s, v, false, &d), 1);
		assert_int_equal(g.gen, 4);
		assert_int_equal(g.thread_cnt, 0);
		assert_int_equal(next(&g, &s, v, false, &d), 0);
		source_done(&s);
		gen_done(&g);
		buf_done(&w);
	}
}

/*
 * Cut off in its second generation: before 26 that one is given as far as it goes, from 26 on not.
 */
static void truncated(void **state)
{
	(void)state;
	for (unsigned v = 25; v <= 26; v++) {
		struct gen g = { 0 };
		struct buf w = { 0 };
		struct source s;
		struct diag d;

		wire_sync(&w, v, 1);
		wire_end(&w, v);
		wire_sync(&w, v, 2);
		wire_batch(&w, 2, 7, 50, "ProcStop dt=1");
		assert_int_equal(source_open_mem(&s, w.p, w.len - 1), 0);
		assert_int_equal(next(&g, &s, v, true, &d), 1);
		assert_int_equal(g.after, 0);
		if (v == 25) {
			assert_int_equal(next(&g, &s, v, false, &d), 1);
			assert_int_equal(g.after, -EBADMSG);
			assert_non_null(strstr(g.after_diag.text, "truncated"));
		} else {
			assert_int_equal(next(&g, &s, v, false, &d), -EBADMSG);
			assert_non_null(strstr(d.text, "truncated"));
		}
		source_done(&s);
		gen_done(&g);
		buf_done(&w);
	}
}

static int load_of(unsigned v, struct buf *w, struct diag *d)
{
	struct gen g = { 0 };
	struct source s;
	int rc;

	assert_int_equal(source_open_mem(&s, w->p, w->len), 0);
	rc = next(&g, &s, v, true, d);
	source_done(&s);
	gen_done(&g);
	buf_reset(w);
	return rc;
}

static void broken(void **state)
{
	struct buf w = { 0 };
	struct diag d;

	(void)state;
	assert_int_equal(load_of(22, &w, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "behind its header"));
	assert_int_equal(load_of(26, &w, &d),
			 0); /* as Go has it: no generation, nothing truncated */
	wire_sync(&w, 22, 0);
	assert_int_equal(load_of(22, &w, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "generation 0"));
	wire_sync(&w, 22, 1);
	wire_sync(&w, 22, 3);
	assert_int_equal(load_of(22, &w, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "out of order"));
	wire_sync(&w, 26, 1);
	wire_sync(&w, 26, 2);
	assert_int_equal(load_of(26, &w, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "before the end mark"));
	wire_batch(&w, 1, 7, 5, "ProcStop dt=1");
	wire_end(&w, 26);
	assert_int_equal(load_of(26, &w, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "no frequency"));
	wire_batch(&w, 1, 7, 5, "Sync\nFrequency freq=1");
	assert_int_equal(load_of(25, &w, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "no clock snapshot"));
	wire_sync(&w, 25, 1);
	buf_u8(&w, 52);
	assert_int_equal(load_of(25, &w, &d),
			 -EBADMSG); /* Go's reader gives nothing of it either */
	assert_non_null(strstr(d.text, "has none"));
	buf_done(&w);
}

/* Experiments are skipped; experiment 0 is none. */
static void experiments(void **state)
{
	struct gen g = { 0 };
	struct buf w = { 0 };
	struct source s;

	(void)state;
	wire_sync(&w, 26, 1);
	wire_events(&w, "ExperimentalBatch exp=1 gen=1 m=3 time=9\ndata=\"\\x04\\xff\"\n"
			"ExperimentalBatch exp=0 gen=1 m=3 time=9\ndata=\"\\x0b\\x01\"");
	wire_end(&w, 26);
	assert_int_equal(source_open_mem(&s, w.p, w.len), 0);
	assert_int_equal(gen_load(&g, &s, 26, true, NULL), 1);
	assert_int_equal(g.thread_cnt, 1);
	assert_int_equal(g.batch_cnt, 2);
	source_done(&s);
	gen_done(&g);
	buf_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(two), cmocka_unit_test(truncated),
					    cmocka_unit_test(broken),
					    cmocka_unit_test(experiments) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
