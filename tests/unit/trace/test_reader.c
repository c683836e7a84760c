#include "wire.h"

#include <errno.h>

#include "trace/reader.h"

static struct reader *open_mem(const struct buf *w)
{
	struct reader *r = NULL;
	struct source s;
	struct diag d;

	assert_int_equal(source_open_mem(&s, w->p, w->len), 0);
	if (reader_new(&s, false, &r, &d) < 0)
		fail_msg("%s", d.text);
	return r;
}

/* The types that come out, SYNC as S, and the end. */
static const char *types(struct reader *r, char *out, struct diag *d)
{
	struct reader_event e;
	int64_t last = INT64_MIN;
	int rc;

	*out = 0;
	while ((rc = reader_next(r, &e, d)) > 0) {
		if (e.ev->type == ORDER_SYNC)
			strcat(out, "S ");
		else
			sprintf(out + strlen(out), "%d ", e.ev->type);
		assert_true(e.ev->time_ns > last); /* E3 */
		last = e.ev->time_ns;
	}
	strcat(out, rc < 0 ? "error" : "end");
	assert_int_equal(reader_next(r, &e, d), rc); /* E5 */
	return out;
}

static void expect(const struct buf *w, const char *want)
{
	struct reader *r = open_mem(w);
	char out[1024];
	struct diag d = { 0 };

	assert_string_equal(types(r, out, &d), want);
	reader_free(r);
}

/* The least time first, but what must wait, waits; equal times move 1 ns on. */
static void merge(void **state)
{
	struct buf w = { 0 };

	(void)state;
	wire_one(&w, RUNNING "GoBlock dt=90 reason_string=0 stack=0\nGoStart dt=0 g=1 g_seq=2");
	wire_batch(&w, 1, 8, 100,
		   "ProcStatus dt=0 p=1 pstatus=1\nGoUnblock dt=5 g=1 g_seq=1 stack=0\nHeapAlloc "
		   "dt=0 heapalloc_value=1");
	expect(&w, "S 13 13 25 20 21 37 16 S end");
	buf_done(&w);
}

/* One event of the file, three of ours; a sample comes between others, not between those. */
static void three(void **state)
{
	struct buf w = { 0 };

	(void)state;
	wire_head(&w, 26);
	wire_sync(&w, 26, 1);
	wire_batch(&w, 1, 7, 100,
		   RUNNING "GoCreateBlocked dt=1 new_g=2 new_stack=0 stack=0\nGoSwitch dt=1 g=2 "
			   "g_seq=1\nHeapGoal dt=10 heapgoal_value=1");
	wire_batch(&w, 1, UINT64_MAX, 100,
		   "CPUSamples\nCPUSample time=104 m=7 p=0 g=2 stack=0\nCPUSample time=105 m=7 p=0 "
		   "g=2 stack=0\nCPUSample time=9999 m=7 p=0 g=2 stack=0");
	wire_end(&w, 26);
	expect(&w, "S 13 25 47 45 20 16 7 7 38 7 S end");
	buf_done(&w);
}

static void damage(void **state)
{
	struct buf w = { 0 };
	struct reader *r;
	char out[1024];
	struct diag d = { 0 };
	size_t whole;

	(void)state;
	wire_one(&w, RUNNING);
	whole = w.len;
	wire_sync(&w, 22, 2);
	wire_batch(&w, 2, 7, 200, RUNNING "GoStop dt=1 reason_string=4 stack=0");
	buf_u8(&w, 9);
	r = open_mem(&w);
	/* What is missing in a generation that is cut off, is told as the cut. */
	assert_string_equal(types(r, out, &d), "S 13 25 S 13 25 error");
	assert_int_equal(d.off, w.len - 1);
	reader_free(r);
	w.len = whole + 1;
	r = open_mem(&w);
	assert_string_equal(types(r, out, &d),
			    "S 13 25 S error"); /* every whole generation first */
	assert_non_null(strstr(d.text, "truncated"));
	reader_free(r);
	/* A broken rule keeps its own offset. */
	buf_reset(&w);
	wire_one(&w, RUNNING "ProcStop dt=1\nProcStop dt=1");
	buf_u8(&w, 9);
	r = open_mem(&w);
	assert_string_equal(types(r, out, &d), "S 13 25 11 error");
	assert_int_equal(d.off, w.len - 3);
	assert_non_null(strstr(d.text, "thread 7 has no P"));
	assert_non_null(strstr(d.text, "and the file is damaged at offset"));
	reader_free(r);
	buf_done(&w);
}

static void references(void **state)
{
	struct buf w = { 0 };
	struct reader *r;
	struct reader_event e;
	struct reader_stats st;

	(void)state;
	wire_head(&w, 22);
	wire_sync(&w, 22, 1);
	wire_batch(&w, 1, UINT64_MAX, 1, "Strings\nString id=5\ndata=\"why\"");
	wire_batch(&w, 1, UINT64_MAX, 1, "Stacks\nStack id=6 nframes=0\nStack id=7 nframes=0");
	wire_batch(
		&w, 1, 7, 100,
		RUNNING
		"GoCreate dt=1 new_g=2 new_stack=6 stack=7\nGoBlock dt=1 reason_string=5 stack=6");
	r = open_mem(&w);
	for (int i = 0; i < 4; i++)
		assert_int_equal(reader_next(r, &e, NULL), 1);
	assert_int_equal(e.stack->id, 7);
	assert_int_equal(e.other->id, 6);
	assert_string_equal(e.str->s.p, "");
	assert_int_equal(reader_next(r, &e, NULL), 1);
	assert_string_equal(e.str->s.p, "why");
	assert_int_equal(e.stack->id, 6);
	assert_null(e.other);
	reader_get_stats(r, &st);
	assert_int_equal(st.bytes, w.len);
	assert_int_equal(st.counts.gs_max, 2);
	reader_free(r);
	buf_done(&w);
}

static void no_header(void **state)
{
	struct reader *r;
	struct source s;
	struct diag d;

	(void)state;
	assert_int_equal(source_open_mem(&s, "go 1.19 trace\0\0\0", 16), 0);
	assert_int_equal(reader_new(&s, true, &r, &d), -ENOTSUP);
	assert_non_null(strstr(d.text, "go tool trace"));
	reader_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(merge), cmocka_unit_test(three),
					    cmocka_unit_test(damage), cmocka_unit_test(references),
					    cmocka_unit_test(no_header) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
