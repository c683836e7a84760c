#include "scene.h"

#include <errno.h>

#include "report/cut.h"

/* What a generation that begins at t says of P0 and g1, which runs there. */
static void announce(struct scene *s, uint64_t t)
{
	EV(s, 100, t, EV_PROC_STATUS, 0, TRACE_PROC_RUNNING);
	EV(s, 100, t + 1, EV_GO_STATUS, 1, 100, TRACE_GO_RUNNING);
}

/* Four generations of 1000 ns each; g1 runs in all of them. */
static struct buf four(unsigned format)
{
	struct scene s;

	scene_begin(&s, format, 1000);
	for (uint64_t i = 0; i < 4; i++) {
		uint64_t t = 1000 * (i + 1);

		announce(&s, t);
		EV(&s, 100, t + 500, EV_HEAP_ALLOC, i);
		if (i < 3)
			scene_next(&s, i + 1, t + 1000);
	}
	scene_end(&s);
	return s.out;
}

static int append(void *arg, const void *p, size_t len, struct diag *d)
{
	(void)d;
	buf_bytes(arg, p, len);
	return 0;
}

/* Heap values seen in the cut, one digit each. */
static unsigned values(const struct buf *b)
{
	struct gotrace *t;
	struct gotrace_event ev;
	unsigned v = 0;

	assert_int_equal(gotrace_open_mem(b->p, b->len, 0, &t, NULL), 0);
	while (gotrace_next(t, &ev) > 0)
		if (ev.kind == GOTRACE_METRIC)
			v = v * 10 + (unsigned)ev.u.metric.value;
	assert_int_equal(gotrace_get_error(t)->code, 0);
	gotrace_close(t);
	return v;
}

static unsigned cut_values(const struct buf *b, int64_t from, int64_t to)
{
	struct buf out = {0};
	struct source s;
	struct cut_stats st;
	struct diag d;
	unsigned v = 99999;

	assert_int_equal(source_open_mem(&s, b->p, b->len), 0);
	assert_int_equal(cut_trace(&s, from, to, append, &out, &st, &d), 0);
	source_done(&s);
	if (st.kept)
		v = values(&out);
	assert_int_equal(st.bytes, out.len);
	buf_done(&out);
	return v;
}

static uint64_t cut_kept(const struct buf *b, int64_t from, int64_t to)
{
	struct buf out = {0};
	struct source s;
	struct cut_stats st;
	struct diag d;

	assert_int_equal(source_open_mem(&s, b->p, b->len), 0);
	assert_int_equal(cut_trace(&s, from, to, append, &out, &st, &d), 0);
	source_done(&s);
	buf_done(&out);
	return st.kept;
}

static void windows(void **state)
{
	static const unsigned formats[] = {22, 23, 25, 26};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		struct buf b = four(formats[i]);

		assert_int_equal(cut_values(&b, 0, 100), 0);
		assert_int_equal(cut_values(&b, 1500, 2500), 12);
		assert_int_equal(cut_values(&b, 1000, 2000), 1); /* edges */
		assert_int_equal(cut_values(&b, 999, 2001), 12); /* 0, 1 and 2 */
		assert_int_equal(cut_values(&b, 3500, 100000), 3);
		assert_int_equal(cut_kept(&b, 3600, 100000), 0);
		assert_int_equal(cut_values(&b, 0, 100000), 123);
		buf_done(&b);
	}
}

/* A thread that is the last to pass to the next generation has events after that one's first. */
static void overlap(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s, 26, 1000);
	announce(&s, 1000);
	EV(&s, 100, 1500, EV_HEAP_ALLOC, 1);
	EV(&s, 101, 2040, EV_PROC_STATUS, 1, TRACE_PROC_RUNNING);
	EV(&s, 101, 2050, EV_HEAP_ALLOC, 2);
	scene_next(&s, 2, 2000);
	announce(&s, 2000);
	EV(&s, 100, 2100, EV_HEAP_ALLOC, 3);
	scene_end(&s);
	assert_int_equal(cut_values(&s.out, 1050, 1100), 123);
	assert_int_equal(cut_values(&s.out, 1051, 1100), 3);
	buf_done(&s.out);
}

/* A generation without events has no last one, and a trace ends with its last event. */
static void empty(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s, 25, 1000);
	announce(&s, 1000);
	scene_next(&s, 1, 2000);
	scene_next(&s, 2, 3000);
	announce(&s, 3000);
	EV(&s, 100, 3100, EV_HEAP_ALLOC, 3);
	scene_end(&s);
	assert_int_equal(cut_kept(&s.out, 2050, 2200), 1);
	assert_int_equal(cut_kept(&s.out, 2101, 9000), 0); /* behind its end */
	buf_done(&s.out);
}

/* One that overlaps two: what lies between kept generations is kept, else their numbers have a gap. */
static void overlap_two(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s, 25, 1000);
	announce(&s, 1000);
	EV(&s, 101, 1000, EV_PROC_STATUS, 1, TRACE_PROC_RUNNING);
	EV(&s, 101, 3050, EV_HEAP_ALLOC, 1);
	scene_next(&s, 1, 2000);
	announce(&s, 2000);
	EV(&s, 100, 2100, EV_HEAP_ALLOC, 2);
	scene_next(&s, 2, 3000);
	announce(&s, 3000);
	EV(&s, 100, 3100, EV_HEAP_ALLOC, 3);
	scene_end(&s);
	assert_int_equal(values(&s.out), 123);
	assert_int_equal(cut_values(&s.out, 2010, 2060), 123);
	buf_done(&s.out);
}

static void damage(void **state)
{
	struct buf b = four(25), out = {0};
	struct source s;
	struct cut_stats st = {0};
	struct diag d = {.off = DIAG_NO_OFF};

	(void)state;
	assert_int_equal(source_open_mem(&s, b.p, b.len - 3), 0);
	assert_true(cut_trace(&s, 1000, 9999, append, &out, &st, &d) < 0);
	assert_true(strlen(d.text) > 0);
	assert_int_equal(st.kept, 2); /* the whole ones */
	assert_int_equal(values(&out), 12);
	source_done(&s);
	buf_done(&out);

	assert_int_equal(source_open_mem(&s, "hello, world! not a trace", 25), 0);
	assert_int_equal(cut_trace(&s, 0, 1, append, &out, &st, &d), -EBADMSG);
	source_done(&s);
	buf_done(&b);
	buf_done(&out);
}

static int refuse(void *arg, const void *p, size_t len, struct diag *d)
{
	(void)arg;
	(void)p;
	(void)len;
	return diag_set(d, -ENOSPC, "full");
}

static void no_room(void **state)
{
	struct buf b = four(26);
	struct source s;
	struct cut_stats st = {0};
	struct diag d;

	(void)state;
	assert_int_equal(source_open_mem(&s, b.p, b.len), 0);
	assert_int_equal(cut_trace(&s, 0, 9999, refuse, NULL, &st, &d), -ENOSPC);
	source_done(&s);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows),
		cmocka_unit_test(overlap),
		cmocka_unit_test(empty),
		cmocka_unit_test(overlap_two),
		cmocka_unit_test(damage),
		cmocka_unit_test(no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
