#include "scene.h"

#include "report/mmu.h"

enum { MS = 1000 * 1000 };

static struct gotrace_event procs_are(int64_t t, uint64_t n)
{
	return (struct gotrace_event){.kind = GOTRACE_METRIC,
				      .time = t,
				      .goroutine = 1,
				      .u.metric = {"/sched/gomaxprocs:threads", n}};
}

static struct gotrace_event stw(int64_t t, bool begin)
{
	return (struct gotrace_event){
		.kind = begin ? GOTRACE_RANGE_BEGIN : GOTRACE_RANGE_END,
		.time = t,
		.u.range = {.name = {"stop-the-world (GC sweep termination)", 37},
			    .scope = {GOTRACE_RESOURCE_GOROUTINE, 1}},
	};
}

static struct gotrace_event label(int64_t t, int64_t g, const char *text)
{
	return (struct gotrace_event){
		.kind = GOTRACE_LABEL,
		.time = t,
		.goroutine = g,
		.u.label = {.label = {text, strlen(text)},
			    .resource = {GOTRACE_RESOURCE_GOROUTINE, g}},
	};
}

static bool near(double a, double b)
{
	return a > b - 1e-9 && a < b + 1e-9;
}

/* Stops of 1 ms at 10 ms and at 14 ms, on a trace of 100 ms. */
static void stops(void **state)
{
	static const int64_t at[] = {10, 14};
	struct goros gs = {0};
	struct mmu m;
	struct gotrace_event ev = procs_are(1, 4);

	(void)state;
	mmu_init(&m);
	mmu_feed(&m, &ev, NULL, &gs);
	for (unsigned i = 0; i < 2; i++) {
		ev = stw(at[i] * MS, true);
		mmu_feed(&m, &ev, NULL, &gs);
		ev = stw((at[i] + 1) * MS, false);
		mmu_feed(&m, &ev, NULL, &gs);
	}
	mmu_finish(&m, 100 * MS + 1);
	assert_true(near(m.min[0], 0)); /* 1 ms */
	assert_int_equal(m.min_at[0], 10 * MS);
	assert_true(near(m.min[1], 1 - 2. / 5)); /* 5 ms: both */
	assert_int_equal(m.min_at[1], 10 * MS);
	assert_true(near(m.min[2], 1 - 2. / 10));
	assert_true(near(m.min[3], 1 - 2. / 50));
	assert_true(near(m.min[4], 1 - 2. / 100));
	assert_true(m.min[5] > 1); /* longer than the trace */
	assert_true(near(m.mean, .98));
	mmu_done(&m);
}

/* A dedicated worker takes a P of 4 until it stops running; an idle one does not count. */
static void workers(void **state)
{
	struct goros gs = {0};
	struct goro g = {.id = 5};
	struct stint st = {.g = &g, .state = GOTRACE_GO_RUNNING, .next = GOTRACE_GO_WAITING};
	struct mmu m;
	struct gotrace_event ev = procs_are(1, 4);
	struct gotrace_event stop = {.kind = GOTRACE_STATE_TRANSITION};

	(void)state;
	mmu_init(&m);
	mmu_feed(&m, &ev, NULL, &gs);
	ev = label(1 * MS, 4, "GC (idle)");
	mmu_feed(&m, &ev, NULL, &gs);
	for (int64_t i = 0; i < 3; i++) { /* each cycle anew: it must not add up */
		ev = label((10 + 10 * i) * MS, 5, "GC (dedicated)");
		mmu_feed(&m, &ev, NULL, &gs);
		assert_int_equal(m.gc_ps, 1);
		stop.time = (15 + 10 * i) * MS;
		mmu_feed(&m, &stop, &st, &gs);
		assert_int_equal(m.gc_ps, 0);
	}
	mmu_finish(&m, 100 * MS + 1);
	assert_true(near(m.min[0], .75));
	assert_true(near(m.min[1], .75));
	assert_true(near(m.min[2], 1 - .25 / 2));
	assert_true(near(m.mean, 1 - .25 * 15 / 100));
	mmu_done(&m);
}

/* Against every window at every microsecond. */
static void brute_force(void **state)
{
	enum { US = 1000, LEN = 20000 };
	static double util[LEN + 1]; /* per us */
	struct goros gs = {0};
	struct mmu m;
	struct gotrace_event ev = procs_are(1, 2);
	unsigned seed = 7;
	double want = 2, sum = 0;

	(void)state;
	mmu_init(&m);
	mmu_feed(&m, &ev, NULL, &gs);
	for (int i = 0; i < LEN; i++)
		util[i] = 1;
	for (int t = 5; t < LEN;) {
		int n = 1 + (int)((seed = seed * 1103515245 + 12345) >> 16) % 90;
		int gap = 1 + (int)((seed = seed * 1103515245 + 12345) >> 16) % 900;

		ev = stw((int64_t)t * US + 1, true);
		mmu_feed(&m, &ev, NULL, &gs);
		for (int i = t; i < t + n && i < LEN; i++)
			util[i] = 0;
		if (t + n >= LEN)
			break;
		ev = stw((int64_t)(t + n) * US + 1, false);
		mmu_feed(&m, &ev, NULL, &gs);
		t += n + gap;
	}
	mmu_finish(&m, (int64_t)LEN * US + 1);
	for (int i = 0; i < LEN; i++) {
		sum += util[i] - (i >= 1000 ? util[i - 1000] : 0);
		if (i >= 999 && sum / 1000 < want)
			want = sum / 1000;
	}
	assert_true(m.min[0] > want - 1e-6 && m.min[0] < want + 1e-6);
	mmu_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stops),
		cmocka_unit_test(workers),
		cmocka_unit_test(brute_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
