#include "scene.h"

#include "report/jsonout.h"

static void says(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("no '%s' in\n%s", what, text);
}

static void whole_program(void **state)
{
	struct report *r = scene_report();
	struct buf out = {0};
	struct json j = {.out = &out};
	const char *text;

	(void)state;
	json_object(&j, NULL);
	jsonout_system(&j, r, 10);
	json_object_end(&j);
	buf_u8(&out, 0);
	text = (const char *)out.p;
	says(text, "\"gomaxprocs\": 2");
	says(text,
	     "\"idle_while_runnable\": {\n   \"times\": {\n    \"count\": 3,\n    \"sum_ns\": 440");
	says(text, "\"ended_by\": \"run\"");
	says(text, "\"stopping_ns\": 60");
	says(text, "\"straggler\": 2");
	says(text, "\"swept_bytes\": 8192");
	says(text, "\"heap_max_bytes\": 1000");
	says(text, "\"type\": \"request\"");
	says(text, "\"message\": \"forty\\u000atwo\"");
	says(text, "\"exact\": true");
	report_free(r);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
