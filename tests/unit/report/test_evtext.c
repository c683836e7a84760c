#include "golden.h"

#include "report/evtext.h"

/* As go tool trace -d=parsed prints the same bytes. */
static void scene_as_text(void **state)
{
	struct buf b = scene_bytes(), out = {0};
	struct gotrace *t;
	struct gotrace_event ev;

	(void)state;
	setenv("TZ", "UTC", 1);
	assert_int_equal(gotrace_open_mem(b.p, b.len, 0, &t, NULL), 0);
	while (gotrace_next(t, &ev) > 0)
		evtext_append(&out, &ev);
	gotrace_close(t);
	golden("events.txt", &out);
	buf_done(&b);
	buf_done(&out);
}

static void quotes(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"plain", "\"plain\""},
		{"a\"b\\c", "\"a\\\"b\\\\c\""},
		{"\a\b\t\n\v\f\r", "\"\\a\\b\\t\\n\\v\\f\\r\""},
		{"\x01\x1f\x7f", "\"\\x01\\x1f\\x7f\""},
		{"caf\xc3\xa9", "\"caf\xc3\xa9\""},
		{"\xff\xc3", "\"\\xff\\xc3\""},
		{"\xc2\x85", "\"\\u0085\""},
		{"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""}, /* half a surrogate pair */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out = {0};
		struct gotrace_event ev = {.kind = GOTRACE_REGION_BEGIN, .time = 5};
		char want[100];

		ev.u.region.type = (struct gotrace_str){rows[i].in, strlen(rows[i].in)};
		evtext_append(&out, &ev);
		buf_u8(&out, 0);
		snprintf(want, sizeof(want), "M=0 P=0 G=0 RegionBegin Time=5 Task=0 Type=%s\n",
			 rows[i].want);
		assert_string_equal((const char *)out.p, want);
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scene_as_text),
		cmocka_unit_test(quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
