#include "wire.h"

#include "base/map.h"
#include "trace/idtab.h"

static uint64_t rnd(uint64_t *s)
{
	*s = *s * 6364136223846793005ULL + 1442695040888963407ULL;
	return *s >> 33;
}

/* Any history of puts and deletes agrees with the plain map. */
static void like_map(void **state)
{
	static char things[512];
	struct idtab t = { 0 };
	struct map m = { 0 };
	uint64_t s = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t k = rnd(&s) % 512, key = k * (k % 3 ? 1 : 0x100000000ULL);
		const uint64_t *v = map_find(&m, key);

		assert_ptr_equal(idtab_find(&t, key), v ? &things[*v] : NULL);
		if (rnd(&s) % 2) {
			assert_int_equal(idtab_put(&t, key, &things[k]), 0);
			assert_int_equal(map_put(&m, key, k), 0);
		} else {
			assert_ptr_equal(idtab_del(&t, key), v ? &things[*v] : NULL);
			map_del(&m, key);
		}
		assert_int_equal(t.cnt, m.cnt);
	}
	idtab_done(&t);
	map_done(&m);
}

static void edges(void **state)
{
	struct idtab t = { 0 };
	size_t pos = 0, n = 0;
	int x;

	(void)state;
	assert_null(idtab_find(&t, 0));
	assert_null(idtab_del(&t, 0));
	assert_int_equal(idtab_put(&t, 0, &x), 0);
	assert_int_equal(idtab_put(&t, UINT64_MAX, &t), 0);
	assert_ptr_equal(idtab_find(&t, 0), &x);
	assert_ptr_equal(idtab_find(&t, UINT64_MAX), &t);
	while (idtab_next(&t, &pos))
		n++;
	assert_int_equal(n, 2);
	idtab_reset(&t);
	assert_null(idtab_find(&t, 0));
	assert_int_equal(t.cnt, 0);
	idtab_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(like_map), cmocka_unit_test(edges) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
