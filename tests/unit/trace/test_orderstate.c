#include "wire.h"

#include <errno.h>
#include <stdlib.h>

#include "trace/orderstate.h"

static void goroutines(void **state)
{
	struct order *o = order_new();
	struct order_g *a, *b;
	struct order_counts c;

	(void)state;
	a = order_g_add(o, 1, TRACE_GO_RUNNING, 4);
	b = order_g_add(o, 2, TRACE_GO_WAITING, 4);
	assert_ptr_equal(idtab_find(&o->gs, 1), a);
	assert_int_equal(order_range_add(&a->ranges, EV_STW_BEGIN, 3), 0);
	order_g_del(o, a);
	assert_int_equal(a->id, TRACE_NO_G); /* R1 */
	assert_null(idtab_find(&o->gs, 1));
	assert_ptr_equal(order_g_add(o, 3, TRACE_GO_RUNNABLE, 5), a); /* the slot again, clean */
	assert_int_equal(a->ranges.cnt, 0);
	assert_int_equal(a->seq, 0);
	assert_int_equal(b->id, 2);
	order_get_counts(o, &c);
	assert_int_equal(c.gs, 2);
	assert_int_equal(c.gs_max, 2);
	order_free(o);
}

/* An end takes the first of its type, and the last moves into its place, as Go's reader has it. */
static void ranges(void **state)
{
	struct order_ranges r = { 0 };
	uint64_t desc;

	(void)state;
	for (uint64_t i = 1; i <= 9; i++)
		assert_int_equal(order_range_add(&r, EV_STW_BEGIN, i), 0);
	assert_int_equal(order_range_add(&r, EV_STW_BEGIN, 4), -EEXIST);
	assert_int_equal(order_range_add(&r, EV_GC_MARK_ASSIST_BEGIN, 4), 0);
	assert_true(order_range_has(&r, EV_STW_BEGIN, 9));
	assert_false(order_range_has(&r, EV_STW_BEGIN, 10));
	assert_int_equal(order_range_del(&r, EV_STW_BEGIN, &desc), 0);
	assert_int_equal(desc, 1);
	assert_int_equal(order_range_del(&r, EV_STW_BEGIN, &desc), 0);
	assert_int_equal(desc, 2); /* the assist is in the first place now */
	assert_int_equal(order_range_del(&r, EV_STW_BEGIN, &desc), 0);
	assert_int_equal(desc, 9);
	assert_int_equal(order_range_del(&r, EV_GC_SWEEP_BEGIN, &desc), -ENOENT);
	free(r.v);
}

/* O5: one copy a content, kept while it is used, and until the sweep. */
static void names(void **state)
{
	struct order *o = order_new();
	struct gotrace_str s = { .p = "abc", .len = 3 }, t = { .p = "abd", .len = 3 };
	struct order_name *a = order_name_get(o, s, 7), *b = order_name_get(o, t, 7);

	(void)state;
	assert_ptr_not_equal(a, b); /* the same hash, not the same name */
	assert_ptr_equal(order_name_get(o, s, 7), a);
	order_name_put(o, a);
	order_name_put(o, a);
	assert_string_equal(a->text, "abc");
	assert_int_equal(o->names_dead, 1);
	for (uint64_t i = 0; i < 300; i++)
		order_name_put(o, order_name_get(o, s, 1000 + i));
	order_sweep(o);
	assert_int_equal(o->names_dead, 0);
	assert_int_equal(o->names.cnt, 1);
	assert_ptr_equal(order_name_get(o, t, 7), b);
	order_free(o);
	order_free(NULL);
}

static void threads(void **state)
{
	struct order *o = order_new();
	struct order_m *m = order_m_get(o, 0);

	(void)state;
	assert_ptr_equal(order_m_get(o, 0), m);
	assert_false(m->seen);
	assert_int_equal(m->g_id, TRACE_NO_G);
	order_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(goroutines), cmocka_unit_test(ranges),
					    cmocka_unit_test(names), cmocka_unit_test(threads) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
