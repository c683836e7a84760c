#include "scene.h"

static void annotations(void **state)
{
	struct report *r = scene_report();
	const struct user *u = &r->user;
	const struct user_type *t = tab_find(&u->tasks, name_id(r, "request"));

	(void)state;
	assert_non_null(t);
	assert_int_equal(t->begun, 1);
	assert_int_equal(t->ended, 1);
	assert_int_equal(t->hist->max, 200);
	assert_int_equal(t->hist->max_at, 3800);
	t = tab_find(&u->regions, name_id(r, "handle"));
	assert_non_null(t);
	assert_int_equal(t->hist->max, 90);
	assert_int_equal(u->log_cnt, 1);
	assert_string_equal(u->logs[0].text, "forty\ntwo");
	assert_int_equal(u->logs[0].g, 2);
	assert_int_equal(u->logs[0].task, 7);
	assert_int_equal(u->open_tasks.cnt, 0);
	assert_int_equal(u->begins.cnt, 0);
	assert_int_equal(u->depth.cnt, 0); /* g2 is gone */
	assert_int_equal(r->slowest.lists[SLOWEST_TASK].items[0].ns, 200);
	assert_int_equal(r->slowest.lists[SLOWEST_REGION].items[0].ns, 90);
	report_free(r);
}

/* Ends without a begin have no latency. */
static void began_before(void **state)
{
	struct scene s;
	struct report_opts o = scene_opts();
	struct report *r;
	const struct user_type *t;

	(void)state;
	scene_begin(&s, 25, 1000);
	EV(&s, 100, 1000, EV_PROC_STATUS, 0, TRACE_PROC_RUNNING);
	EV(&s, 100, 1001, EV_GO_STATUS, 1, 100, TRACE_GO_RUNNING);
	EV(&s, 100, 1100, EV_USER_REGION_END, 9, text(&s, "old"), 7);
	EV(&s, 100, 1200, EV_USER_TASK_END, 9, 7);
	scene_stacks(&s);
	scene_end(&s);
	r = report_of(&s.out, &o);
	assert_int_equal(r->error.code, 0);
	t = tab_find(&r->user.regions, name_id(r, "old"));
	assert_non_null(t);
	assert_int_equal(t->ended, 1);
	assert_int_equal(t->begun, 0);
	assert_null(t->hist);
	t = tab_find(&r->user.tasks, 0);
	assert_non_null(t);
	assert_null(t->hist);
	report_free(r);
	buf_done(&s.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(annotations),
		cmocka_unit_test(began_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
