#include "golden.h"

#include "report/jsonout.h"

static void whole(void **state)
{
	struct buf b = scene_bytes(), out = {0};
	struct report_opts o = scene_opts();
	struct json j = {.out = &out};
	struct report *r;

	(void)state;
	o.goroutine = 2;
	o.group = "main";
	r = report_of(&b, &o);
	jsonout_report(&j, r, "scene", 100);
	golden("report.json", &out);
	report_free(r);
	buf_done(&b);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
