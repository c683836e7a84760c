#include "golden.h"

#include "report/text.h"

static void page_of(const char *name, const struct report_opts *opts, bool fancy)
{
	struct buf b = scene_bytes(), out = {0};
	struct report *r = report_of(&b, opts);
	struct text_style style = {.fancy = fancy, .top = 10};

	assert_int_equal(text_report(r, "scene", &style, &out), 0);
	golden(name, &out);
	report_free(r);
	buf_done(&b);
	buf_done(&out);
}

static void slowest(void **state)
{
	struct report_opts o = scene_opts();

	(void)state;
	page_of("slowest.txt", &o, false);
}

static void life(void **state)
{
	struct report_opts o = scene_opts();

	(void)state;
	o.goroutine = 2;
	page_of("goroutine.txt", &o, false);
}

/* A goroutine that did nothing is said to. */
static void nobody(void **state)
{
	struct buf b = scene_bytes(), out = {0};
	struct report_opts o = scene_opts();
	struct text_style style = {.top = 10};
	struct report *r;

	(void)state;
	o.goroutine = 77;
	r = report_of(&b, &o);
	assert_int_equal(text_report(r, "scene", &style, &out), 0);
	buf_u8(&out, 0);
	assert_non_null(strstr((const char *)out.p, "GOROUTINE 77  did nothing in this time\n"));
	report_free(r);
	buf_done(&b);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slowest),
		cmocka_unit_test(life),
		cmocka_unit_test(nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
