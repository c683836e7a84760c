#include "scene.h"

#include "report/tab.h"

struct row {
	uint64_t key;
	int64_t ns;
};

static void rows(void **state)
{
	struct tab t;
	struct row *r;
	void **order;

	(void)state;
	assert_int_equal(tab_init(&t, sizeof(struct row), 1000), 0);
	assert_null(tab_find(&t, 7));
	for (uint64_t i = 0; i < 200; i++) {
		r = tab_get(&t, i * 1000);
		assert_int_equal(r->key, i * 1000);
		assert_int_equal(r->ns, 0);
		r->ns = (int64_t)(i % 10);
	}
	assert_int_equal(t.cnt, 200);
	r = tab_find(&t, 7000);
	assert_int_equal(r->ns, 7);
	order = tab_sort(&t, offsetof(struct row, ns));
	assert_int_equal(((struct row *)order[0])->ns, 9);
	assert_int_equal(((struct row *)order[0])->key, 9000); /* ties by key */
	assert_int_equal(((struct row *)order[199])->ns, 0);
	free(order);
	tab_reset(&t);
	assert_null(tab_find(&t, 7000));
	r = tab_get(&t, 7000);
	assert_int_equal(r->ns, 0);
	tab_done(&t);
}

/* What does not fit shares the last row. */
static void full(void **state)
{
	struct tab t;
	struct row *r;

	(void)state;
	assert_int_equal(tab_init(&t, sizeof(struct row), 4), 0);
	for (uint64_t i = 0; i < 10; i++) {
		r = tab_get(&t, i);
		r->ns++;
	}
	assert_int_equal(t.cnt, 4);
	r = tab_find(&t, TAB_OTHER);
	assert_int_equal(r->ns, 7);
	r = tab_get(&t, 2);
	assert_int_equal(r->ns, 1);
	assert_false(t.failed);
	tab_done(&t);
}

static void tallies(void **state)
{
	struct tally a = {0}, b = {0};

	(void)state;
	for (uint32_t i = 0; i < 9; i++)
		assert_true(tally_add(&a, i % 3, 1, 10 + i));
	assert_int_equal(a.cnt, 3);
	assert_int_equal(tally_find(&a, 1)->ns, 11 + 14 + 17);
	assert_int_equal(tally_find(&a, 1)->cnt, 3);
	assert_null(tally_find(&a, 5));
	assert_int_equal(tally_sum(&a), 126);
	assert_true(tally_add(&b, 9, 1, 1000));
	assert_true(tally_merge(&a, &b));
	tally_sort(&a);
	assert_int_equal(a.rows[0].name, 9);
	assert_int_equal(a.rows[3].name, 0);
	tally_del(&a, 9);
	assert_null(tally_find(&a, 9));
	assert_int_equal(tally_sum(&a), 126);
	tally_done(&a);
	tally_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),
		cmocka_unit_test(full),
		cmocka_unit_test(tallies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
