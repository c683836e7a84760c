#include "scene.h"

#include "report/page.h"

struct rig {
	struct intern in;
	struct buf out;
	struct page p;
};

static void rig_up(struct rig *r, bool fancy)
{
	*r = (struct rig){0};
	assert_int_equal(intern_init(&r->in), 0);
	r->p = (struct page){.out = &r->out, .in = &r->in, .fancy = fancy, .t0 = 1000};
}

static void rig_says(struct rig *r, const char *want)
{
	buf_u8(&r->out, 0);
	assert_string_equal((const char *)r->out.p, want);
	buf_reset(&r->out);
}

static void rig_down(struct rig *r)
{
	intern_done(&r->in);
	buf_done(&r->out);
}

/* P1: a name from a trace does not move the cursor. */
static void foreign_text(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, false);
	page_text(&r.p, "a\x1b[2Jb\nc\x7f", 0);
	rig_says(&r, "a\\x1b[2Jb\\x0ac\\x7f");
	page_text(&r.p, "caf\xc3\xa9 \xc2\x9b", 0); /* e acute stays, a C1 control goes */
	rig_says(&r, "caf\xc3\xa9 \\xc2\\x9b");
	page_text(&r.p, "0123456789", 8);
	rig_says(&r, "...56789");
	rig_down(&r);
}

static void columns(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, false);
	page_ns(&r.p, 1500, 10);
	page_ns(&r.p, -1, 3);
	page_at(&r.p, 1000 + 1234567890, 12);
	page_count(&r.p, 1234567, 11);
	page_share(&r.p, 1, 3, 7);
	page_share(&r.p, 1, 0, 4);
	rig_says(&r, "     1.5us  -   1.234568s  1,234,567  33.3%   -");
	page_goroutine(&r.p, -1, 0);
	page_goroutine(&r.p, 7, intern_text(&r.in, "main.f"));
	page_goroutine(&r.p, 8, 0);
	rig_says(&r, "g7 main.fg8 (no stack seen)");
	rig_down(&r);
}

/* P2: nothing is drawn where it cannot be shown. */
static void bars(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r, false);
	page_bar(&r.p, .5, 4);
	rig_says(&r, "");
	r.p.fancy = true;
	page_bar(&r.p, .5, 4);
	rig_says(&r, "██  ");
	page_bar(&r.p, 1.0 / 8, 1);
	rig_says(&r, "▏");
	page_bar(&r.p, 7, 2);
	rig_says(&r, "██");
	page_bar(&r.p, -1, 2);
	rig_says(&r, "  ");
	rig_down(&r);
}

static void sparkline(void **state)
{
	struct rig r;
	struct series s;

	(void)state;
	rig_up(&r, true);
	series_begin(&s, 0, 0);
	series_set(&s, 10000, 4);
	series_set(&s, 20000, 8);
	series_finish(&s, 30000);
	page_spark(&r.p, "x", &s, 8);
	rig_says(&r, "  x                      ▄█");
	r.p.fancy = false;
	page_spark(&r.p, "x", &s, 8);
	rig_says(&r, "  x                     ");
	rig_down(&r);
}

static void leaf(void **state)
{
	struct rig r;
	struct gotrace_frame f[3] = {
		{.line = 1, .func = {"sync.(*Mutex).Lock", 18}, .file = {"/go/mutex.go", 12}},
		{.line = 22, .func = {"main.f", 6}, .file = {"/src/main.go", 12}},
		{.line = 33, .func = {"main.g", 6}, .file = {"/src/main.go", 12}},
	};
	const struct gotrace_frame *fs[] = {&f[0], &f[1], &f[2]};
	const struct gotrace_frame park = {.line = 9, .func = {"runtime.gopark", 14}, .file = {"/go/proc.go", 11}};
	const struct gotrace_frame *deep[] = {&park, &f[0], &f[1], &f[2]};
	struct gotrace_stack s = {.id = 1, .hash = 5, .cnt = 3, .frames = fs};

	(void)state;
	rig_up(&r, false);
	page_leaf(&r.p, intern_stack(&r.in, &s));
	rig_says(&r, "main.f main.go:22 < main.g");
	page_leaf(&r.p, 0);
	rig_says(&r, "(no stack)");
	page_stack(&r.p, intern_stack(&r.in, &s), "> ", 2);
	rig_says(&r, "> sync.(*Mutex).Lock mutex.go:1\n> main.f main.go:22\n> ... 1 more\n");
	/* Who called is worth more than how the runtime does it, where not all have room. */
	s = (struct gotrace_stack){.id = 2, .hash = 6, .cnt = 4, .frames = deep};
	page_stack(&r.p, intern_stack(&r.in, &s), "> ", 3);
	rig_says(&r, "> sync.(*Mutex).Lock mutex.go:1\n> main.f main.go:22\n> main.g main.go:33\n");
	page_stack(&r.p, intern_stack(&r.in, &s), "> ", 4);
	rig_says(&r, "> runtime.gopark proc.go:9\n> sync.(*Mutex).Lock mutex.go:1\n> main.f main.go:22\n"
		     "> main.g main.go:33\n");
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_text), cmocka_unit_test(columns), cmocka_unit_test(bars),
		cmocka_unit_test(sparkline),	cmocka_unit_test(leaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
