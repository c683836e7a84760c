/* golayout: the rows are found by version, disjoint, and sound in themselves. */
#include "unit/image/fixture.h"

#include "image/golayout.h"

static void test_rows(void **state)
{
	(void)state;
	for (unsigned arch = IMAGE_AMD64; arch <= IMAGE_ARM64; arch++) {
		for (unsigned minor = 19; minor <= 27; minor++) {
			const struct golayout *newest = golayout_newest(arch, minor), *prev = NULL;

			assert_non_null(newest);
			for (unsigned patch = 0; patch <= newest->patch_last; patch++) {
				const struct golayout *l = golayout_find(arch, minor, patch);

				if (!l)
					continue;
				assert_int_equal(l->minor, minor);
				assert_in_range(patch, l->patch_first, l->patch_last);
				/* One answer a version: rows follow each other without overlap. */
				assert_true(l == prev || !prev ||
					    l->patch_first > prev->patch_last);
				prev = l;
			}
			assert_ptr_equal(prev, newest);
			assert_null(golayout_find(arch, minor, newest->patch_last + 1));
		}
		assert_null(golayout_newest(arch, 18));
		assert_null(golayout_newest(arch, 28));
	}
	assert_null(golayout_find(2, 27, 4));
	assert_null(golayout_newest(2, 27));
}

/* Every field lies inside its structure, and no two of one structure in the same place. */
static void check_row(const struct golayout *l)
{
	struct {
		char strct[8];
		unsigned off;
	} v[96];
	size_t cnt = 0;
	unsigned size[3] = {l->g_size, l->m_size, l->p_size};

#define ADD(s, f)                                                                                  \
	if (strcmp(#f, "size") && l->s##_##f != GOLAYOUT_NONE) {                                   \
		snprintf(v[cnt].strct, sizeof(v[cnt].strct), "%s", #s);                            \
		v[cnt++].off = l->s##_##f;                                                         \
	}
	GOLAYOUT_FIELDS(ADD)
#undef ADD
	for (size_t i = 0; i < cnt; i++) {
		if (strlen(v[i].strct) == 1)
			assert_true(v[i].off < size[v[i].strct[0] == 'g'   ? 0
						    : v[i].strct[0] == 'm' ? 1
									   : 2]);
		for (size_t k = 0; k < i; k++)
			assert_false(v[i].off == v[k].off && !strcmp(v[i].strct, v[k].strct));
	}
}

static void test_sound(void **state)
{
	(void)state;
	for (unsigned arch = IMAGE_AMD64; arch <= IMAGE_ARM64; arch++)
		for (unsigned minor = 19; minor <= 27; minor++)
			for (unsigned patch = 0; patch <= 14; patch++) {
				const struct golayout *l = golayout_find(arch, minor, patch);

				if (l)
					check_row(l);
			}
}

/* m moved inside two minors; fields come and go with their version. */
static void test_known(void **state)
{
	const struct golayout *l;

	(void)state;
	assert_int_equal(golayout_find(IMAGE_AMD64, 23, 11)->m_syscalltick, 740);
	assert_int_equal(golayout_find(IMAGE_AMD64, 23, 12)->m_syscalltick, 764);
	assert_int_equal(golayout_find(IMAGE_AMD64, 24, 5)->m_waitTraceBlockReason, 736);
	assert_int_equal(golayout_find(IMAGE_AMD64, 24, 6)->m_waitTraceBlockReason, 760);
	assert_int_equal(golayout_find(IMAGE_ARM64, 24, 6)->m_waitTraceBlockReason, 760);
	l = golayout_find(IMAGE_AMD64, 27, 4);
	assert_int_equal(l->g_goid, 152);
	assert_int_equal(l->g_syncSafePoint, 219);
	assert_int_equal(l->sched_lock, 32);
	assert_int_equal(l->coro_gp, 0);
	assert_int_equal(golayout_find(IMAGE_AMD64, 25, 0)->g_syncSafePoint, 217);
	assert_int_equal(golayout_find(IMAGE_AMD64, 24, 0)->g_syncSafePoint, GOLAYOUT_NONE);
	assert_int_equal(golayout_find(IMAGE_AMD64, 22, 12)->g_syscallbp, GOLAYOUT_NONE);
	assert_int_equal(golayout_find(IMAGE_AMD64, 21, 0)->g_coroarg, GOLAYOUT_NONE);
}

static void test_candidate(void **state)
{
	(void)state;
	assert_ptr_equal(golayout_candidate(IMAGE_AMD64, 24, 3), golayout_find(IMAGE_AMD64, 24, 3));
	assert_ptr_equal(golayout_candidate(IMAGE_AMD64, 27, 99), golayout_newest(IMAGE_AMD64, 27));
	assert_null(golayout_candidate(IMAGE_AMD64, 28, 0));
	assert_null(golayout_candidate(IMAGE_AMD64, 18, 99));
}

static void test_experiment(void **state)
{
	char name[GOLAYOUT_EXPERIMENT];

	(void)state;
	assert_false(golayout_experiment("go1.24.13", name));
	assert_false(golayout_experiment("go1.26.11 X:nogreenteagc,jsonv2", name));
	assert_false(golayout_experiment("go1.21.9 (Red Hat 1.21.9-1.el9) X:loopvar", name));
	assert_true(golayout_experiment("go1.24.13 X:jsonv2,nospinbitmutex", name));
	assert_string_equal(name, "nospinbitmutex");
	assert_true(golayout_experiment("go1.27.1 X:staticlockranking", name));
	assert_true(golayout_experiment("go1.26.11-X:jsonv2,staticlockranking", name));
	assert_string_equal(name, "staticlockranking");
	assert_false(golayout_experiment("go1.26.11-X:jsonv2", name));
	assert_true(golayout_experiment("go1.27.1 X:whatever", name));
	assert_string_equal(name, "whatever");
	/* Longer than any name, and what is no list at all. */
	assert_true(golayout_experiment("go1.27.1 X:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", name));
	assert_int_equal(strlen(name), GOLAYOUT_EXPERIMENT - 1);
	assert_false(golayout_experiment("go1.27.1 X:", name));
	assert_false(golayout_experiment("go1.27.1 X:,,", name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_candidate),
		cmocka_unit_test(test_experiment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
