#include "scene.h"

static const struct longest_item *worst(const struct report *r, enum slowest_kind kind)
{
	assert_true(r->slowest.lists[kind].cnt > 0);
	return &r->slowest.lists[kind].items[0];
}

static void of_each_kind(void **state)
{
	struct report *r = scene_report();
	const struct longest_item *it;

	(void)state;
	it = worst(r, SLOWEST_RUNNING);
	assert_int_equal(it->ns, 3300);
	assert_int_equal(it->g, 1);
	assert_int_equal(it->start, 1700);
	assert_int_equal(intern_get_stack(&r->in, it->stack)->frames[0]->line, 50); /* its end */
	it = worst(r, SLOWEST_RUNNABLE);
	assert_int_equal(it->ns, 260);
	it = worst(r, SLOWEST_SYSCALL);
	assert_int_equal(it->ns, 400);
	it = worst(r, SLOWEST_BLOCKED);
	assert_int_equal(it->ns, 500);
	assert_int_equal(it->detail, name_id(r, "chan send"));
	assert_int_equal(r->slowest.lists[SLOWEST_RUNNING].cnt, 3); /* as many as were asked for */
	report_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_each_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
