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
		cmocka_unit_test(blocked_and_syscalls),
		cmocka_unit_test(slow_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
