#include "scene.h"

static void sums_and_unknown(void **state)
{
	struct groups gs;
	struct gostat st = {.exec = 10, .sched = 20, .syscall = 5, .sysblock = 5, .total = 100};
	const struct group *g;

	(void)state;
	assert_int_equal(groups_init(&gs, 1), 0);
	assert_true(tally_add(&st.blocks, 9, 1, 40));
	assert_int_equal(gostat_unknown(&st), 20);
	groups_add(&gs, 3, 1, 0, true, &st);
	st.total = 60; /* the parts are more than it */
	assert_int_equal(gostat_unknown(&st), 0);
	groups_add(&gs, 3, 2, 0, false, &st);
	groups_latency(&gs, 3, 77, 5);
	g = tab_find(&gs.tab, 3);
	assert_int_equal(g->cnt, 2);
	assert_int_equal(g->ended, 1);
	assert_int_equal(g->unknown, 20);
	assert_int_equal(g->st.exec, 20);
	assert_int_equal(g->st.total, 160);
	assert_int_equal(tally_find(&g->st.blocks, 9)->ns, 80);
	assert_int_equal(g->latency->max, 77);
	assert_int_equal(gs.lived.cnt, 1);
	assert_int_equal(gs.lived.items[0].g, 1);
	groups_restart(&gs);
	assert_null(tab_find(&gs.tab, 3));
	assert_int_equal(gs.lived.cnt, 0);
	gostat_done(&st);
	groups_done(&gs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_and_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
