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

static void plain(void **state)
{
	struct report_opts o = scene_opts();

	(void)state;
	o.slowest = 0;
	page_of("page.txt", &o, false);
}

static void fancy(void **state)
{
	struct report_opts o = scene_opts();

	(void)state;
	o.slowest = 0;
	page_of("page-fancy.txt", &o, true);
}

static void group(void **state)
{
	struct report_opts o = scene_opts();

	(void)state;
	o.slowest = 0;
	o.group = "worker";
	page_of("group.txt", &o, false);
}

static void window(void **state)
{
	struct report_opts o = scene_opts();

	(void)state;
	o.slowest = 0;
	o.has_from = o.has_to = true;
	o.from_ns = 1000;
	o.to_ns = 1550;
	page_of("window.txt", &o, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(fancy),
		cmocka_unit_test(group),
		cmocka_unit_test(window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
