/* test_plan.c - the table of hooks against real Go binaries, old and new. */
#include "unit/image/fixture.h"

#include "capture/plan.h"

static const struct plan_hook *hook_of(const struct plan *p, unsigned hook)
{
	for (size_t i = 0; i < p->hook_cnt; i++)
		if (p->hooks[i].hook == hook && p->hooks[i].state == PLAN_FOUND)
			return &p->hooks[i];
	return NULL;
}

/* A block is seen at gopark where that is a function everywhere, with the place of its call of mcall. */
static void check_park(const struct image *img, const struct plan *p)
{
	const struct plan_hook *h = hook_of(p, HOOK_PARK);
	struct image_func f;

	if (image_get_info(img)->version.minor < 21 ||
	    image_inlined_into(img, "runtime.gopark", NULL, 0)) {
		assert_string_equal(h->func, "runtime.park_m");
		assert_int_equal(p->gopark_pc, 0);
		return;
	}
	assert_string_equal(h->func, "runtime.gopark");
	assert_int_equal(image_func_find(img, "runtime.gopark", &f), 0);
	assert_in_range(p->gopark_pc, f.entry_va + 1, f.end_va);
	assert_in_range(p->sites[h->site_first].site.va, f.entry_va, p->gopark_pc);
}

static void check_plan(const char *version, const char *kind)
{
	static const uint8_t needed[] = { HOOK_EXECUTE,	      HOOK_PARK,	HOOK_READY,
					  HOOK_CREATE,	      HOOK_GOSCHED,	HOOK_EXIT,
					  HOOK_SYSCALL_ENTER, HOOK_SYSCALL_EXIT, HOOK_ACQUIRE,
					  HOOK_RELEASE,	      HOOK_STW_BEGIN,	HOOK_GC_BEGIN };
	char path[128];
	struct image *img = fixture_open_path(fixture(version, kind, path));
	struct plan_opts o = { .syscalls = SYSCALLS_UPROBE };
	struct diag d = { 0 };
	struct plan p;

	if (plan_make(img, &o, &p, &d) < 0)
		fail_msg("%s %s: %s", version, kind, d.text);
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!hook_of(&p, needed[i]))
			fail_msg("%s %s: no site for %s", version, kind, plan_hook_name(needed[i]));
	check_park(img, &p);
	for (size_t i = 0; i < p.hook_cnt; i++) {
		const struct plan_hook *h = &p.hooks[i];

		assert_true(h->site_first + h->site_cnt <= p.site_cnt);
		assert_int_equal(h->state == PLAN_FOUND, h->site_cnt > 0);
		assert_true(h->func && h->how && h->event);
		for (size_t k = 0; k < h->site_cnt; k++)
			assert_int_equal(p.sites[h->site_first + k].cookie & 0xff, h->hook);
	}
	/* No address twice: a second probe would only cost. */
	for (size_t i = 0; i < p.site_cnt; i++)
		for (size_t k = i + 1; k < p.site_cnt; k++)
			if (p.sites[i].site.va == p.sites[k].site.va)
				assert_true((p.sites[i].cookie & 0xff) != (p.sites[k].cookie & 0xff));
	plan_done(&p);
	assert_int_equal(p.site_cnt, 0);

	o.syscalls = SYSCALLS_OFF;
	assert_int_equal(plan_make(img, &o, &p, &d), 0);
	assert_null(hook_of(&p, HOOK_SYSCALL_ENTER));
	assert_null(hook_of(&p, HOOK_SYSCALL_EXIT));
	assert_non_null(hook_of(&p, HOOK_PARK));
	plan_done(&p);
	image_free(img);
}

static void test_oldest(void **state)
{
	(void)state;
	check_plan(FIXTURE_OLD, "default");
}

static void test_newest(void **state)
{
	(void)state;
	check_plan(FIXTURE_NEW, "default");
}

static void test_stripped(void **state)
{
	(void)state;
	check_plan(FIXTURE_NEW, "stripped");
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned h = HOOK_EXECUTE; h < HOOK_BPF_END; h++)
		if (strcmp(plan_hook_name(h), "?") == 0)
			fail_msg("hook %u has no name", h);
	assert_string_equal(plan_hook_name(HOOK_NONE), "?");
	assert_string_equal(plan_hook_name(9999), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oldest),
		cmocka_unit_test(test_newest),
		cmocka_unit_test(test_stripped),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
