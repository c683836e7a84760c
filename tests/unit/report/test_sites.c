#include "scene.h"

static const struct site *site_at(const struct report *r, const struct tab *t, uint64_t line)
{
	for (size_t i = 0; i < t->cnt; i++) {
		const struct site *s = tab_row(t, i);
		const struct intern_stack *st = intern_get_stack(&r->in, s->stack);

		if (st->cnt && st->frames[st->cnt - 1]->line == line)
			return s;
	}
	return NULL;
}

static void blocked_and_syscalls(void **state)
{
	struct report *r = scene_report();
	const struct site *s;

	(void)state;
	/* The sleep goes on at the end: only what ended is here. */
	assert_int_equal(r->sites.blocked.cnt, 2);
	assert_int_equal(r->sites.still.cnt, 1);
	s = tab_row(&r->sites.still, 0);
	assert_int_equal(s->reason, name_id(r, "sleep"));
	assert_int_equal(s->cnt, 1);
	assert_int_equal(s->ns, r->end - s->max_at);
	assert_false(s->clipped);
	s = site_at(r, &r->sites.blocked, 20);
	assert_non_null(s);
	assert_int_equal(s->reason, name_id(r, "chan send"));
	assert_int_equal(s->ns, 500);
	assert_int_equal(s->cnt, 1);
	assert_int_equal(s->max, 500);
	assert_int_equal(s->max_at, 1800);
	assert_int_equal(s->max_g, 2);
	assert_int_equal(r->sites.syscalls.cnt, 1);
	s = site_at(r, &r->sites.syscalls, 30);
	assert_non_null(s);
	assert_int_equal(s->ns, 400); /* with and without its P */
	assert_int_equal(r->sites.syscall.cnt, 1);
	assert_int_equal(r->sites.slow_cnt, 0);
	report_free(r);
}

/* One that was stuck before the trace is, and the runtime's own workers, which only wait for work. */
static void stuck(void **state)
{
	struct report_opts o = scene_opts();
	struct report *r;
	struct scene s;
	const struct site *row;

	(void)state;
	scene_begin(&s, 25, 1000);
	stack(&s, 1, "sync.(*Mutex).Lock", "main.stuck", 70);
	stack(&s, 2, "runtime.gopark", "runtime.bgsweep", 80);
	EV(&s, 100, 1000, EV_PROC_STATUS, 0, TRACE_PROC_RUNNING);
	EV(&s, 100, 1001, EV_GO_STATUS, 1, 100, TRACE_GO_RUNNING);
	EV(&s, UINT64_MAX, 1000, EV_GO_STATUS_STACK, 7, UINT64_MAX, TRACE_GO_WAITING, 1);
	EV(&s, UINT64_MAX, 1000, EV_GO_STATUS_STACK, 8, UINT64_MAX, TRACE_GO_WAITING, 2);
	EV(&s, 100, 3000, EV_HEAP_ALLOC, 1);
	scene_end(&s);
	r = report_of(&s.out, &o);
	assert_int_equal(r->sites.still.cnt, 1);
	row = tab_row(&r->sites.still, 0);
	assert_ptr_equal(row, site_at(r, &r->sites.still, 70));
	assert_int_equal(row->max_g, 7);
	assert_int_equal(row->ns, r->end - 1000);
	assert_true(row->clipped);
	report_free(r);
	buf_done(&s.out);
}

static void slow_ones(void **state)
{
	struct sites s;
	struct goro g = {.id = 1};
	struct stint st = {.g = &g,
			   .start = 5,
			   .end = 5 + SITES_SLOW_NS,
			   .state = GOTRACE_GO_SYSCALL,
			   .stack = 1};

	(void)state;
	assert_int_equal(sites_init(&s), 0);
	sites_feed(&s, &st);
	st.end--;
	sites_feed(&s, &st);
	st.state = GOTRACE_GO_RUNNING;
	sites_feed(&s, &st);
	assert_int_equal(s.slow_cnt, 1);
	assert_int_equal(s.syscall.cnt, 2);
	assert_int_equal(s.blocked.cnt, 0);
	sites_restart(&s);
	assert_int_equal(s.syscall.cnt, 0);
	assert_int_equal(s.syscalls.cnt, 0);
	sites_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocked_and_syscalls), cmocka_unit_test(stuck),
		cmocka_unit_test(slow_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
