#include "scene.h"

#include "report/profile.h"

static void profile_scene(struct profile *p, enum profile_kind kind)
{
	struct buf b = scene_bytes();
	struct gotrace *t;
	struct gotrace_event ev;

	assert_int_equal(gotrace_open_mem(b.p, b.len, 0, &t, NULL), 0);
	assert_int_equal(profile_init(p, kind), 0);
	while (gotrace_next(t, &ev) > 0)
		profile_feed(p, &ev);
	assert_int_equal(gotrace_get_error(t)->code, 0);
	gotrace_close(t);
	assert_int_equal(profile_finish(p), 0);
	buf_done(&b);
}

/* The time of the row whose stack ends in this line. */
static int64_t ns_at(const struct profile *p, uint64_t line)
{
	for (size_t i = 0; i < p->rows.cnt; i++) {
		const struct profile_row *row = tab_row(&p->rows, i);
		const struct intern_stack *s = intern_get_stack(&p->in, (uint32_t)row->key);

		if (s->cnt ? s->frames[s->cnt - 1]->line == line : !line)
			return row->ns;
	}
	return -1;
}

static void blocking(void **state)
{
	struct profile p;

	(void)state;
	profile_scene(&p, PROFILE_SYNC);
	assert_int_equal(p.rows.cnt, 2);
	assert_int_equal(ns_at(&p, 10), 100);
	assert_int_equal(ns_at(&p, 20), 500);
	profile_done(&p);
	profile_scene(&p, PROFILE_NET);
	assert_int_equal(p.rows.cnt, 0);
	profile_done(&p);
	profile_scene(&p, PROFILE_SYSCALL);
	assert_int_equal(p.rows.cnt, 1);
	assert_int_equal(ns_at(&p, 30), 400);
	profile_done(&p);
}

/* By the stack of what made it runnable; a new goroutine's first wait does not count (E2). */
static void scheduling(void **state)
{
	struct profile p;

	(void)state;
	profile_scene(&p, PROFILE_SCHED);
	assert_int_equal(ns_at(&p, 20), 200); /* g2 sent, g1 woke */
	assert_int_equal(ns_at(&p, 12), 100);
	assert_int_equal(ns_at(&p, 60), 260); /* preempted */
	assert_int_equal(ns_at(&p, 0), 200);  /* back from the syscall: no stack */
	assert_int_equal(ns_at(&p, 50), -1);  /* its creation */
	profile_done(&p);
}

static struct gotrace_event go(int64_t t, uint8_t from, uint8_t to, const char *reason)
{
	return (struct gotrace_event){
		.kind = GOTRACE_STATE_TRANSITION,
		.time = t,
		.u.transition = {.resource = {GOTRACE_RESOURCE_GOROUTINE, 1},
				 .from = from,
				 .to = to,
				 .reason = {reason, strlen(reason)}},
	};
}

/* E2: what is seen of a goroutine before it first runs counts only if it never does. */
static void before_the_first_run(void **state)
{
	for (int runs = 0; runs < 2; runs++) {
		struct profile p;
		struct gotrace_event ev;

		(void)state;
		assert_int_equal(profile_init(&p, PROFILE_NET), 0);
		ev = go(10, GOTRACE_GO_UNDETERMINED, GOTRACE_GO_WAITING, "network");
		profile_feed(&p, &ev);
		ev = go(50, GOTRACE_GO_WAITING, GOTRACE_GO_RUNNABLE, "");
		profile_feed(&p, &ev);
		ev = go(60, GOTRACE_GO_RUNNABLE, GOTRACE_GO_RUNNING, "");
		if (runs)
			profile_feed(&p, &ev);
		assert_int_equal(profile_finish(&p), 0);
		assert_int_equal(p.rows.cnt, runs ? 0 : 1);
		if (!runs)
			assert_int_equal(ns_at(&p, 0), 40);
		profile_done(&p);
	}
}

static void cpu_samples(void **state)
{
	struct profile p;
	struct gotrace_event ev = {.kind = GOTRACE_STACK_SAMPLE, .time = 5};

	(void)state;
	assert_int_equal(profile_init(&p, PROFILE_CPU), 0);
	profile_feed(&p, &ev);
	profile_feed(&p, &ev);
	assert_int_equal(profile_finish(&p), 0);
	assert_int_equal(ns_at(&p, 0), 2 * PROFILE_CPU_PERIOD_NS);
	profile_done(&p);
}

static void kinds(void **state)
{
	enum profile_kind k;

	(void)state;
	assert_int_equal(profile_kind_parse("sched", &k), 0);
	assert_int_equal(k, PROFILE_SCHED);
	assert_true(profile_kind_parse("block", &k) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocking),
		cmocka_unit_test(scheduling),
		cmocka_unit_test(before_the_first_run),
		cmocka_unit_test(cpu_samples),
		cmocka_unit_test(kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
