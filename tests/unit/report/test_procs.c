#include "scene.h"

static void gaps(void **state)
{
	struct report *r = scene_report();
	const struct procs_gap *w = &r->procs.waste, *q = &r->procs.quiet;

	(void)state;
	/* 1100-1200 g2 is new, 2900-3000 g2 is back, 3360-3600 g2 was preempted: P1 idles. */
	assert_int_equal(w->hist.cnt, 3);
	assert_int_equal(w->ns, 100 + 100 + 240);
	assert_int_equal(w->longest.items[0].ns, 240);
	assert_int_equal(w->longest.items[0].start, 3360);
	assert_int_equal(w->longest.items[0].extra, PROCS_END_RUN);
	assert_int_equal(w->longest.items[0].g, 2);
	/* 5100-6000 */
	assert_int_equal(q->hist.cnt, 1);
	assert_int_equal(q->ns, 900);
	assert_int_equal(q->longest.items[0].extra, PROCS_END_UNKNOWN);
	assert_int_equal(r->procs.max, 2);
	report_free(r);
}

static void use_over_time(void **state)
{
	struct report *r = scene_report();
	/* P0 1000-5100 and 6000-6001; P1 1200-2600, 3000-3360, 3600-4200 */
	double want = (4100 + 1 + 1400 + 360 + 600) / 5001.;
	double got = series_total(&r->procs.busy);

	(void)state;
	assert_true(got > want - .01 && got < want + .01);
	report_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps),
		cmocka_unit_test(use_over_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
