/* test_snapshot.c - a live program, in states that it put itself into. */
#include "unit/capture/snaplab.h"

/* ---- a live program ------------------------------------------------------------------------ */

static struct liveprog prog;

static int end_prog(void **state)
{
	(void)state;
	liveprog_end(&prog);
	seen_done();
	return 0;
}

/* The goroutine's functions, leaf first, inlined ones too: " gopark chanrecv ... goexit ". */
static void stack_text(const struct rec *r, char *text, size_t cap)
{
	size_t len = (size_t)snprintf(text, cap, " ");

	for (unsigned i = 0; i < r->npc; i++) {
		struct image_frame f[16];
		uint64_t pc = r->pcs[i] - prog.bias - (r->flags & REC_F_SCHED_PC ? 0 : 1);
		size_t n = image_symbolize(prog.img, pc, f, ARRAY_LEN(f));

		assert_true(n > 0); /* a pc outside of the program's code */
		for (size_t k = 0; k < n && len < cap; k++)
			len += f[k].wrapper
				       ? 0
				       : (size_t)snprintf(text + len, cap - len, "%s ", f[k].func);
	}
}

/* The records of goroutines that began with the function. */
static unsigned find_start(const char *func, const struct rec **ret, unsigned cap)
{
	const struct rec *r;
	size_t pos = 0;
	unsigned n = 0;

	while ((r = seen_next(&seen, &pos))) {
		struct image_func f;

		if (r->hook != HOOK_SNAP_G ||
		    image_func_at(prog.img, image_start_pc(prog.img, r->x - prog.bias), &f) ||
		    strcmp(f.name, func) != 0)
			continue;
		if (n < cap)
			ret[n] = r;
		n++;
	}
	return n;
}

/* One goroutine, parked or in a syscall, with the end of its stack as given, whole. */
static const struct rec *expect_one(const char *func, unsigned status, const char *leaf,
				    const char *end)
{
	const struct rec *r = NULL;
	char text[16384];

	assert_int_equal(find_start(func, &r, 1), 1);
	stack_text(r, text, sizeof(text));
	if (r->gstatus != status || r->flags & (REC_F_CUT | REC_F_SCHED_PC) ||
	    !strstr(text, leaf) || strlen(text) < strlen(end) ||
	    strcmp(text + strlen(text) - strlen(end), end) != 0)
		fail_msg("%s: status %u flags %#x:%s", func, r->gstatus, r->flags, text);
	return r;
}

static void take_snapshot(struct snapshot_stats *st)
{
	struct diag d = { .text = "" };

	assert_int_equal(snapshot_take(&prog.live, take, &seen, st, &d), 0);
	assert_int_equal(st->gs, seen.cnt[HOOK_SNAP_G]);
	assert_int_equal(st->ps, seen.cnt[HOOK_SNAP_P]);
	assert_int_equal(st->ms, seen.cnt[HOOK_SNAP_M]);
	assert_int_equal(seen.cnt[HOOK_SNAP_GC], 1);
	assert_int_equal(seen.cnt[HOOK_SNAP_END], 1);
	assert_int_equal(st->unreadable, 0);
}

static void start_prog(const char *const *args)
{
	if (!liveprog_build(&prog, args[0], args[1]))
		skip();
	assert_true(liveprog_start(&prog, LIVE_RECEIVERS, LIVE_SPINNERS));
	if (!liveprog_open(&prog))
		fail();
}

static void check_parked(void)
{
	static const char recv[] =
		" runtime.chanrecv1 main.recv3 main.recv2 main.recv1 runtime.goexit ";
	const struct rec *r[LIVE_RECEIVERS], *one;
	struct map goids = { 0 };
	char text[4096];

	assert_int_equal(find_start("main.recv1", r, LIVE_RECEIVERS), LIVE_RECEIVERS);
	for (unsigned i = 0; i < LIVE_RECEIVERS; i++) {
		stack_text(r[i], text, sizeof(text));
		assert_int_equal(r[i]->gstatus, 4);
		assert_int_equal(r[i]->m, 0);
		assert_int_equal(r[i]->y, prog.live.lay->g_parentGoid == GOLAYOUT_NONE ? 0 : 1);
		assert_int_equal(strncmp(text, " runtime.gopark ", 16), 0);
		if (!strstr(text, recv) || r[i]->flags & REC_F_CUT)
			fail_msg("%s", text);
		assert_null(map_find(&goids, r[i]->goid));
		map_put(&goids, r[i]->goid, 1);
	}
	map_done(&goids);
	expect_one("main.selector", 4, " runtime.gopark runtime.selectgo ",
		   "main.selector runtime.goexit ");
	expect_one("main.locker", 4, "sync.", "main.locker runtime.goexit ");
	expect_one("main.sleeper", 4, "time.Sleep", "main.sleeper runtime.goexit ");
	one = expect_one("main.wired", 4, "main.recv3", "main.wired runtime.goexit ");
	assert_true(one->flags & REC_F_LOCKED);
}

static void check_deep(void)
{
	const struct rec *r;
	char text[16384];
	unsigned deeps = 0;

	/* 61 frames of 0.5 KiB: several reads. */
	r = expect_one("main.deep60", 4, "main.recv3 main.deep main.deep ",
		       "main.deep60 runtime.goexit ");
	stack_text(r, text, sizeof(text));
	for (const char *p = text; (p = strstr(p, "main.deep ")); p++)
		deeps++;
	assert_int_equal(deeps, 61);
	/* 301 frames: cut at the format's limit, and said so. */
	assert_int_equal(find_start("main.deep300", &r, 1), 1);
	assert_int_equal(r->npc, REC_MAX_PC);
	assert_true(r->flags & REC_F_CUT);
}

/* Goroutines in syscalls, and the threads they are on. */
static void check_syscalls(void)
{
	static const char *const funcs[] = { "main.reader", "runtime.main" };
	const struct rec *r, *m;

	for (unsigned i = 0; i < 2; i++) {
		size_t pos = 0;
		bool found = false;

		r = expect_one(funcs[i], 3, "syscall.",
			       i ? "main.reader main.main runtime.main runtime.goexit "
				 : "main.reader runtime.goexit ");
		assert_true(r->tid > 0 && r->m);
		if (i == 1)
			assert_int_equal(r->goid, 1);
		while ((m = seen_next(&seen, &pos)))
			found |= m->hook == HOOK_SNAP_M && m->m == r->m && m->tid == r->tid &&
				 m->x == r->g;
		assert_true(found);
	}
}

/* More spinners than Ps: some run, with a thread; the others wait for a P, with a stack. */
static void check_running(void)
{
	const struct rec *r[LIVE_SPINNERS];
	unsigned running = 0, runnable = 0;
	char text[4096];

	assert_int_equal(find_start("main.spinner", r, LIVE_SPINNERS), LIVE_SPINNERS);
	for (unsigned i = 0; i < LIVE_SPINNERS; i++) {
		if (r[i]->gstatus == 2) {
			assert_true(r[i]->m && r[i]->tid);
			assert_int_equal(r[i]->npc, 0);
			running++;
			continue;
		}
		assert_int_equal(r[i]->gstatus, 1);
		stack_text(r[i], text, sizeof(text));
		/*
		 * The spinner has no frame: its caller is hidden, its loop may begin at its entry.
		 */
		if (!strstr(text, "runtime.asyncPreempt main.") || r[i]->flags & REC_F_CUT)
			fail_msg("%s", text);
		assert_true(r[i]->flags & REC_F_ASYNC);
		runnable++;
	}
	assert_true(running <= 3 && runnable >= LIVE_SPINNERS - 3);
}

static void check_ps(void)
{
	const struct rec *r;
	size_t pos = 0;
	unsigned held = 0;

	while ((r = seen_next(&seen, &pos))) {
		if (r->hook == HOOK_SNAP_P) {
			assert_true(r->x < 2 && r->p && r->y <= 4);
			assert_int_equal(!r->m, !r->tid);
			held += r->y == 1;
		} else if (r->hook == HOOK_SNAP_M) {
			char task[64];

			snprintf(task, sizeof(task), "/proc/%d/task/%u", prog.pid, r->tid);
			assert_int_equal(access(task, F_OK), 0);
		} else if (r->hook == HOOK_SNAP_GC) {
			assert_int_equal(r->x, 0);
			assert_int_equal(r->y, 2);
			assert_int_equal(r->npc, REC_GCC_WORDS);
			/* The limit that nobody set: math.MaxInt64 (gcController.memoryLimit). */
			assert_true(r->pcs[1] == INT64_MAX);
			assert_true(r->pcs[prog.live.lay->gcc_heapLive / 8] > 1000);
		}
	}
	assert_int_equal(seen.cnt[HOOK_SNAP_P], 2);
	assert_in_range(held, 1, 2); /* one may be on its way from thread to thread */
}

static void known_state(void **state)
{
	struct snapshot_stats st;
	const struct rec *r;
	unsigned users = 0;
	size_t pos = 0;

	start_prog(*state);
	take_snapshot(&st);
	check_parked();
	check_deep();
	check_syscalls();
	check_running();
	check_ps();
	assert_true(st.dead > 0 && st.dead + st.gs == st.structs);
	assert_int_equal(st.cut, 1);
	/* What the program counts as its goroutines, no more and no less. */
	while ((r = seen_next(&seen, &pos))) {
		struct image_func f;

		if (r->hook == HOOK_SNAP_G && image_func_at(prog.img, r->x - prog.bias, &f) == 0)
			users += strncmp(f.name, "main.", 5) == 0 ||
				 strcmp(f.name, "runtime.main") == 0;
	}
	assert_int_equal(users, prog.goroutines);
}

/* C frames between Go frames, threads that C made, and goroutines that are in C. */
static void through_c(void **state)
{
	const char *const *args = *state;
	struct snapshot_stats st;
	const struct rec *r, *foreign = NULL, *m;
	char text[4096];
	size_t pos = 0;
	bool extra = false;

	if (!liveprog_build_cgo(&prog, args[0], args[1]))
		skip();
	assert_true(liveprog_start(&prog, 0, 0));
	if (!liveprog_open(&prog))
		fail();
	take_snapshot(&st);
	expect_one("main.inC", 3, "runtime.cgocall main._Cfunc_stay_in_c ",
		   "main.inC runtime.goexit ");
	/* The chain goes on behind the C frames, to the goroutine's own start. */
	r = expect_one(
		"main.callsC", 4, "main.goWait ",
		"runtime.systemstack_switch runtime.cgocall main._Cfunc_through_c main.callsC "
		"runtime.goexit ");
	stack_text(r, text, sizeof(text));
	if (!strstr(text, "main.recv3 main.goWait ") || !strstr(text, "runtime.cgocallback "))
		fail_msg("%s", text);
	assert_true(r->flags & REC_F_LOCKED);
	/* No function began the foreign thread's goroutine. */
	while ((r = seen_next(&seen, &pos)))
		if (r->hook == HOOK_SNAP_G && r->x == 0)
			foreign = r;
	assert_non_null(foreign);
	assert_int_equal(foreign->gstatus, 4);
	assert_false(foreign->flags & REC_F_CUT);
	stack_text(foreign, text, sizeof(text));
	if (!strstr(text, "main.recv3 main.goForeign ") ||
	    !strstr(text, "runtime.cgocallback runtime.goexit "))
		fail_msg("%s", text);
	for (pos = 0; (m = seen_next(&seen, &pos));)
		extra |= m->hook == HOOK_SNAP_M && m->flags & REC_F_EXTRA_M;
	assert_true(extra);
	assert_int_equal(st.cut, 0);
}

/* Again and again while it runs; and a sink that has enough; and a process that ends. */
static void repeated(void **state)
{
	struct snapshot_stats st;
	struct diag d;

	start_prog(*state);
	for (unsigned i = 0; i < 200; i++) {
		memset(seen.cnt, 0, sizeof(seen.cnt));
		buf_reset(&seen.recs);
		take_snapshot(&st);
		check_syscalls();
	}
	seen.stop_after = 3;
	memset(seen.cnt, 0, sizeof(seen.cnt));
	assert_int_equal(snapshot_take(&prog.live, take, &seen, &st, &d), 77);
	assert_int_equal(seen.cnt[HOOK_SNAP_G], 3);
	kill(prog.pid, SIGKILL);
	assert_int_equal(target_wait(&prog.target, 10000), 1);
	seen.stop_after = 0;
	assert_int_equal(snapshot_take(&prog.live, take, &seen, &st, &d), -ESRCH);
	assert_non_null(strstr(d.text, "ended"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVEPROG_TEST(known_state, "1.22.12", ""),
		LIVEPROG_TEST(known_state, "1.23.12", ""),
		LIVEPROG_TEST(known_state, "1.24.13", ""),
		LIVEPROG_TEST(known_state, "1.25.14", ""),
		LIVEPROG_TEST(known_state, "1.26.11", "-ldflags=-s"),
		LIVEPROG_TEST(known_state, "1.27.4", ""),
		LIVEPROG_TEST(known_state, "1.27.4", "-buildmode=pie"),
		LIVEPROG_TEST(through_c, "1.22.12", ""),
		LIVEPROG_TEST(through_c, "1.25.14", ""),
		LIVEPROG_TEST(through_c, "1.27.4", "-ldflags=-linkmode=external"),
		LIVEPROG_TEST(repeated, "1.22.12", ""),
		LIVEPROG_TEST(repeated, "1.27.4", ""),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
