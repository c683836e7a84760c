#include "scene.h"

#include <errno.h>

static void whole(void **state)
{
	struct report *r = scene_report();

	(void)state;
	assert_int_equal(r->begin, 1000);
	assert_int_equal(r->end, 6001);
	assert_int_equal(r->info.generations, 1);
	assert_int_equal(r->quiet_ns, 900);
	assert_int_equal(r->quiet_at, 5100);
	assert_true(r->has_clock);
	report_free(r);
}

/* What goes on at the edges counts inside only. */
static void window(void **state)
{
	struct buf b = scene_bytes();
	struct report_opts o = scene_opts();
	struct report *r;
	const struct group *w;

	(void)state;
	o.has_from = o.has_to = true;
	o.from_ns = 1000; /* 2000: g2 waits to send, g1 runs */
	o.to_ns = 1550;	  /* 2550: g2 is in its syscall */
	r = report_of(&b, &o);
	assert_int_equal(r->begin, 2000);
	assert_int_equal(r->end, 2550);
	w = group_of(r, "main.worker");
	assert_int_equal(tally_of(r, &w->st.blocks, "chan send"), 300);
	assert_int_equal(w->st.exec, 100);
	assert_int_equal(w->st.syscall, 50);
	assert_int_equal(w->st.total, 550);
	assert_int_equal(w->ended, 0);
	assert_int_equal(group_of(r, "main.main")->st.exec, 550);
	assert_int_equal(r->gc.cycles.cnt, 0);
	assert_int_equal(r->goros.seen, 2);
	report_free(r);

	o.from_ns = 2700; /* 3700: behind the GC */
	o.has_to = false;
	r = report_of(&b, &o);
	assert_int_equal(r->gc.stws.cnt, 0);
	assert_int_equal(r->gc.assist_cnt, 1);
	assert_int_equal(group_of(r, "main.main")->st.total, 2301);
	report_free(r);

	o.from_ns = 100000; /* behind the end */
	r = report_of(&b, &o);
	assert_int_equal(r->events, 0);
	report_free(r);
	buf_done(&b);
}

static void one_group(void **state)
{
	struct buf b = scene_bytes();
	struct report_opts o = scene_opts();
	struct report *r;

	(void)state;
	o.group = "worker";
	r = report_of(&b, &o);
	assert_int_equal(r->sites.blocked.cnt, 1); /* not main's */
	assert_int_equal(r->wakes.tab.cnt, 2);	   /* both ways */
	assert_int_equal(r->wakes.latency.cnt, 4);
	assert_true(report_wants(r, name_id(r, "main.worker")));
	assert_false(report_wants(r, name_id(r, "main.main")));
	assert_int_equal(r->groups.lived.cnt, 1); /* not main */
	report_free(r);
	buf_done(&b);
}

/* What comes before the damage is told, and the damage. */
static void damaged(void **state)
{
	struct report_opts o = scene_opts();
	struct scene s;
	struct report *r;
	size_t whole_len;

	(void)state;
	scene_begin(&s, 25, 1000);
	scene_first_half(&s);
	scene_stacks(&s);
	scene_next(&s, 1, 3150);
	whole_len = s.out.len;
	EV(&s, 100, 3151, EV_PROC_STATUS, 0, TRACE_PROC_RUNNING);
	EV(&s, 100, 3152, EV_GO_STATUS, 1, 100, TRACE_GO_RUNNING);
	EV(&s, 101, 3153, EV_PROC_STATUS, 1, TRACE_PROC_RUNNING);
	EV(&s, 101, 3154, EV_GO_STATUS, 2, 101, TRACE_GO_RUNNING);
	scene_stacks(&s);
	scene_end(&s);
	r = report_of(&s.out, &o);
	assert_int_equal(r->error.code, 0);
	assert_int_equal(r->info.generations, 2);
	report_free(r);
	s.out.len = whole_len + 3;
	r = report_of(&s.out, &o);
	assert_true(r->error.code < 0);
	assert_int_equal(group_of(r, "main.worker")->cnt, 1);
	assert_true(r->events > 15);
	report_free(r);
	buf_done(&s.out);
}

/* Times that no recording has end the report: their sums would not fit. */
static void far_away(void **state)
{
	struct report_opts o = scene_opts();
	struct scene s;
	struct report *r;

	(void)state;
	scene_begin(&s, 25, 1000);
	EV(&s, 100, 1000, EV_PROC_STATUS, 0, TRACE_PROC_RUNNING);
	EV(&s, 100, 1001, EV_GO_STATUS, 1, 100, TRACE_GO_RUNNING);
	EV(&s, 100, (uint64_t)1 << 62, EV_HEAP_ALLOC, 1);
	scene_end(&s);
	r = report_of(&s.out, &o);
	assert_int_equal(r->error.code, -E2BIG);
	assert_int_equal(r->end, 1002); /* times strictly increase */
	report_free(r);
	buf_done(&s.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),   cmocka_unit_test(window),   cmocka_unit_test(one_group),
		cmocka_unit_test(damaged), cmocka_unit_test(far_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
