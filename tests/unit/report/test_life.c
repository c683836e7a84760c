#include "scene.h"

#include "base/limits.h"

static void span_by_span(void **state)
{
	static const struct {
		int64_t start, ns;
		uint8_t state;
	} want[] = {
		{1100, 200, GOTRACE_GO_RUNNABLE}, {1300, 500, GOTRACE_GO_RUNNING},
		{1800, 500, GOTRACE_GO_WAITING},  {2300, 100, GOTRACE_GO_RUNNABLE},
		{2400, 100, GOTRACE_GO_RUNNING},  {2500, 400, GOTRACE_GO_SYSCALL},
		{2900, 200, GOTRACE_GO_RUNNABLE}, {3100, 250, GOTRACE_GO_RUNNING},
		{3350, 260, GOTRACE_GO_RUNNABLE}, {3610, 490, GOTRACE_GO_RUNNING},
	};
	struct buf b = scene_bytes();
	struct report_opts o = scene_opts();
	struct report *r;

	(void)state;
	o.goroutine = 2;
	r = report_of(&b, &o);
	assert_true(r->life.seen && r->life.ended);
	assert_int_equal(r->life.cnt, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(r->life.spans[i].start, want[i].start);
		assert_int_equal(r->life.spans[i].ns, want[i].ns);
		assert_int_equal(r->life.spans[i].state, want[i].state);
	}
	assert_int_equal(r->life.spans[2].waker, 1);
	assert_int_equal(r->life.spans[2].reason, name_id(r, "chan send"));
	report_free(r);

	o.goroutine = 1; /* sleeps at the end */
	r = report_of(&b, &o);
	assert_false(r->life.ended);
	assert_true(r->life.spans[r->life.cnt - 1].open);
	assert_int_equal(r->life.spans[r->life.cnt - 1].ns, 1001);
	report_free(r);

	o.goroutine = 77;
	r = report_of(&b, &o);
	assert_false(r->life.seen);
	report_free(r);
	buf_done(&b);
}

static void bounded(void **state)
{
	struct life l;
	struct goros gs = {0};
	struct goro g = {.id = 3};
	struct stint st = {.g = &g, .state = GOTRACE_GO_RUNNABLE, .next = GOTRACE_GO_RUNNING};
	struct gotrace_event ev = {.goroutine = -1};

	(void)state;
	life_init(&l, 3);
	for (int i = 0; i < LIMIT_REPORT_SPANS + 10; i++)
		life_feed(&l, &ev, &st, &gs);
	assert_int_equal(l.cnt, LIMIT_REPORT_SPANS);
	assert_int_equal(l.dropped, 10);
	life_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(span_by_span),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
