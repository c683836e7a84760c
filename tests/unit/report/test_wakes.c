#include "scene.h"

static const struct wake *wake_of(struct report *r, const char *waker, const char *woken)
{
	for (size_t i = 0; i < r->wakes.tab.cnt; i++) {
		const struct wake *w = tab_row(&r->wakes.tab, i);

		if (w->waker == name_id(r, waker) && w->woken == name_id(r, woken))
			return w;
	}
	return NULL;
}

static void who_and_why(void **state)
{
	struct report *r = scene_report();
	const struct wake *w = wake_of(r, "main.worker", "main.main");

	(void)state;
	assert_non_null(w);
	assert_int_equal(w->cnt, 1);
	assert_int_equal(w->ns, 100);
	assert_int_equal(w->reason, name_id(r, "chan receive"));
	assert_false(w->by_runtime);
	w = wake_of(r, "main.main", "main.worker");
	assert_non_null(w);
	assert_int_equal(w->ns, 500);
	assert_int_equal(r->wakes.tab.cnt, 2);
	report_free(r);
}

static void latency(void **state)
{
	struct report *r = scene_report();

	(void)state;
	/* g1 once; g2 when new, woken, back from the syscall, preempted. */
	assert_int_equal(r->wakes.latency.cnt, 5);
	assert_int_equal(r->wakes.latency.sum, 200 + 200 + 100 + 200 + 260);
	assert_int_equal(r->wakes.latency.max, 260);
	assert_int_equal(r->wakes.latency.max_at, 3350);
	assert_int_equal(r->wakes.late.items[0].ns, 260);
	assert_int_equal(r->wakes.late.items[0].g, 2);
	assert_int_equal(group_of(r, "main.main")->latency->cnt, 1);
	assert_int_equal(group_of(r, "main.worker")->latency->cnt, 4);
	report_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_and_why),
		cmocka_unit_test(latency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
