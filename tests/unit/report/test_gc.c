#include "scene.h"

static void cycle_and_stop(void **state)
{
	struct report *r = scene_report();
	const struct gc *gc = &r->gc;
	const struct gc_stw *s;

	(void)state;
	assert_int_equal(gc->cycles.cnt, 1);
	assert_int_equal(gc->cycles.sum, 300);
	assert_int_equal(gc->stws.cnt, 1);
	s = tab_row(&gc->stws, 0);
	assert_int_equal(s->key, name_id(r, "stop-the-world (GC mark termination)"));
	assert_int_equal(s->hist->cnt, 1);
	assert_int_equal(s->hist->sum, 100);
	assert_int_equal(s->stopping, 60); /* until P1 stopped */
	assert_int_equal(gc->stops.cnt, 1);
	assert_int_equal(gc->stops.items[0].g, 1);
	assert_int_equal(gc->stops.items[0].g2, 2); /* the straggler */
	assert_int_equal(gc->stops.items[0].name2, name_id(r, "main.worker"));
	assert_int_equal(intern_get_stack(&r->in, gc->stops.items[0].stack)->frames[0]->line, 60);
	report_free(r);
}

static void assist_sweep_heap(void **state)
{
	struct report *r = scene_report();
	const struct gc *gc = &r->gc;
	const struct gc_assist *a;

	(void)state;
	assert_int_equal(gc->assist_cnt, 1);
	assert_int_equal(gc->assist_ns, 100);
	a = tab_find(&gc->assisted, name_id(r, "main.main"));
	assert_non_null(a);
	assert_int_equal(a->max, 100);
	assert_int_equal(gc->sweep_cnt, 1);
	assert_int_equal(gc->sweep_ns, 50);
	assert_int_equal(gc->swept_bytes, 8192);
	assert_int_equal(gc->reclaimed_bytes, 4096);
	assert_int_equal(gc->heap_max, 1000);
	assert_int_equal(gc->goal_max, 4000);
	assert_int_equal(r->slowest.lists[SLOWEST_ASSIST].items[0].ns, 100);
	assert_int_equal(r->slowest.lists[SLOWEST_GC].items[0].ns, 300);
	assert_int_equal(r->slowest.lists[SLOWEST_STW].items[0].ns, 100);
	report_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cycle_and_stop),
		cmocka_unit_test(assist_sweep_heap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
