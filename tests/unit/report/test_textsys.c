#include "scene.h"

#include "report/text.h"

static const char *sections(struct report *r, struct buf *out)
{
	struct page p = {.out = out, .in = &r->in, .top = 10, .t0 = r->first};

	text_system(&p, r);
	text_gaps(&p, r);
	buf_u8(out, 0);
	assert_false(out->failed);
	return (const char *)out->p;
}

static void says(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("no '%s' in\n%s", what, text);
}

static void whole_program(void **state)
{
	struct report *r = scene_report();
	struct buf out = {0};
	const char *text = sections(r, &out);

	(void)state;
	says(text, "a P idle while a goroutine could run: 440ns (8.8%) in 3 intervals");
	says(text, "no P in use: 900ns (18.0%) in 1 intervals");
	says(text, "1, 0 of 1ms and more; p50 400ns");
	says(text, "mark phases: 1, 300ns");
	says(text, "1 times, 100ns, max 100ns; of it stopping 60ns, max 60ns");
	says(text, "last: g2 main.worker in main.worker main.go:60");
	says(text, "8.0 KB swept, 4.0 KB reclaimed");
	says(text, "g2 answer: forty\\x0atwo");
	says(text, "longest time without any event: 900ns at 0.000004s");
	report_free(r);
	buf_done(&out);
}

/* With a group, the whole program's numbers are left out, the group's syscalls stay. */
static void one_group(void **state)
{
	struct buf b = scene_bytes(), out = {0};
	struct report_opts o = scene_opts();
	struct report *r;
	const char *text;

	(void)state;
	o.group = "main.main";
	r = report_of(&b, &o);
	text = sections(r, &out);
	says(text, "SYSCALLS");
	says(text, "  0, 0 of 1ms and more");
	assert_null(strstr(text, "GARBAGE"));
	assert_null(strstr(text, "PROCESSORS"));
	report_free(r);
	buf_done(&b);
	buf_done(&out);
}

static void losses(void **state)
{
	struct report *r = scene_report();
	struct buf out = {0};
	const char *text;

	(void)state;
	r->in.over = 5;
	r->error = (struct gotrace_error){.code = -1, .offset = 99, .text = "torn"};
	text = sections(r, &out);
	says(text, "damaged at offset 99: torn");
	says(text, "beyond our limit: 5");
	report_free(r);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_program),
		cmocka_unit_test(one_group),
		cmocka_unit_test(losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
