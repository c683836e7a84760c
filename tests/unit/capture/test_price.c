/* test_price.c - prices where nothing could be measured, and of what was not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/price.h"

static struct plan_site sites[] = {
	{.cookie = HOOK_EXECUTE, .site = {.kind = SITE_NOP5}},
	{.cookie = HOOK_EXIT, .site = {.kind = SITE_PUSH}},
	{.cookie = HOOK_READY, .site = {.kind = SITE_CALL}},
	{.cookie = HOOK_READY, .site = {.kind = SITE_NOP5}},
	{.cookie = HOOK_PARK, .site = {.kind = SITE_PUSH}},
};
static const struct plan plan = {.sites = sites, .site_cnt = sizeof(sites) / sizeof(sites[0])};

static void a_guess_scales_with_the_trap(void **state)
{
	struct attach_features slow = {.push_ns = 1000, .nop5_ns = 500};
	struct attach_features quick = {.push_ns = 100, .nop5_ns = 50};
	struct price a, b;

	(void)state;
	price_guess(&slow, &plan, false, &a);
	price_guess(&quick, &plan, false, &b);
	assert_false(a.measured);
	for (unsigned h = 1; h < HOOK_BPF_END; h++)
		assert_int_equal(a.hit_ns[h], b.hit_ns[h] * 10);
	assert_int_equal(a.hit_ns[HOOK_HEAP], 0); /* comes with another's hit */
	assert_true(a.hit_ns[HOOK_PARK] > a.hit_ns[HOOK_EXIT]); /* a stack */
	assert_true(a.cold >= 1);
}

static void a_nop_is_cheaper_unless_all_syscalls_are_traced(void **state)
{
	struct attach_features f = {.push_ns = 1000, .nop5_ns = 500};
	struct price alone, traced;

	(void)state;
	price_guess(&f, &plan, false, &alone);
	price_guess(&f, &plan, true, &traced);
	assert_true(alone.hit_ns[HOOK_EXECUTE] < alone.hit_ns[HOOK_EXIT]);
	assert_true(alone.hit_ns[HOOK_READY] < alone.hit_ns[HOOK_PARK]);
	assert_int_equal(traced.hit_ns[HOOK_EXECUTE], traced.hit_ns[HOOK_EXIT]);
	assert_int_equal(alone.passed_ns, 0);
	assert_true(traced.passed_ns > 0);
}

static void without_a_measured_trap_there_is_a_price(void **state)
{
	struct attach_features f = {0};
	struct price p;

	(void)state;
	price_guess(&f, &plan, true, &p);
	assert_true(p.hit_ns[HOOK_PARK] > PRICE_PUSH_NS);
	assert_true(p.plain_wake_ns < p.hit_ns[HOOK_READY]);
	assert_true(p.traced_ns && p.skipped_ns && p.idle_ns);
}

/* What is not hot costs what the like of it does. */
static void the_rest_is_filled_in(void **state)
{
	struct price p = {.measured = true};

	(void)state;
	p.hit_ns[HOOK_PARK] = 1300;
	p.hit_ns[HOOK_RELEASE] = 900;
	p.hit_ns[HOOK_EXIT] = 700;
	price_fill(&p);
	assert_int_equal(p.hit_ns[HOOK_EXIT], 700);
	assert_int_equal(p.hit_ns[HOOK_GC_BEGIN], 1300);
	assert_int_equal(p.hit_ns[HOOK_STARTLOCKEDM], 900);
	assert_int_equal(p.hit_ns[HOOK_HEAP], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guess_scales_with_the_trap),
		cmocka_unit_test(a_nop_is_cheaper_unless_all_syscalls_are_traced),
		cmocka_unit_test(without_a_measured_trap_there_is_a_price),
		cmocka_unit_test(the_rest_is_filled_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
