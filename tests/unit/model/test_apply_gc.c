/* test_apply_gc.c - stopping the world, GC cycles, mark assists. */
#include "unit/model/script.h"

/* Asks for exactly these lines, and that nothing was repaired. */
static void expect_clean(struct script *s, const char *want)
{
	script_expect_more(s, want);
	script_repairs(s, REPAIR_IGNORED, 0);
	script_done(s);
}

/* The world is stopped, resized, started: the range ends when all have been woken, others run by then. */
static void test_stop_the_world(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	RS(&s, PCS(0x401001), HOOK_STW_BEGIN, 101, G(1), P(0), .x = 1);
	R(&s, HOOK_STW_START, 101, G(1), P(0));
	R(&s, HOOK_PROCRESIZE, 101, G(1), P(0), .x = 2);
	R(&s, HOOK_ACQUIRE, 102, P(1), .x = 1);
	R(&s, HOOK_EXECUTE, 102, G(3), P(1));
	R(&s, HOOK_STW_END, 101, G(1), P(0));
	expect_clean(&s, "m101 p0 g1 STWBegin \"GC sweep termination\" [main.f4010_0]\n"
			 "m101 p0 g1 ProcsChange 2 []\n"
			 "m102 p- g- ProcStart p1\n"
			 "m102 p1 g- GoStart g3\n"
			 "m101 p0 g1 STWEnd\n");
}

/* Its end was lost: what the thread does next is behind it, and the next stop has a range of its own. */
static void test_stop_without_its_end(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_STW_BEGIN, 101, G(1), P(0), .x = 1);
	R(&s, HOOK_STW_START, 101, G(1), P(0));
	R(&s, HOOK_PROCRESIZE, 101, G(1), P(0), .x = 2);
	R(&s, HOOK_STW_BEGIN, 101, G(1), P(0), .x = 1);
	R(&s, HOOK_STW_START, 101, G(1), P(0));
	R(&s, HOOK_PROCRESIZE, 101, G(1), P(0), .x = 2);
	R(&s, HOOK_GOSCHED, 101, G(1), P(0), .x = 1);
	expect_clean(&s, "m101 p0 g1 STWBegin \"GC sweep termination\" []\n"
			 "m101 p0 g1 ProcsChange 2 []\n"
			 "m101 p0 g1 STWEnd\n"
			 "m101 p0 g1 STWBegin \"GC sweep termination\" []\n"
			 "m101 p0 g1 ProcsChange 2 []\n"
			 "m101 p0 g1 STWEnd\n"
			 "m101 p0 g1 GoStop \"runtime.Gosched\" []\n");
}

/* Up to 1.25 nobody tells that a stop takes the Ps of syscalls: it has taken them when it ends. */
static void test_stop_takes_ps(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	s.opts.go_minor = 25;
	R(&s, HOOK_ACQUIRE, 102, P(1), .x = 1);
	R(&s, HOOK_EXECUTE, 102, G(3), P(1));
	R(&s, HOOK_SYSCALL_ENTER, 102, G(3), P(1));
	R(&s, HOOK_STW_BEGIN, 101, G(1), P(0), .x = 1);
	R(&s, HOOK_STW_START, 101, G(1), P(0));
	R(&s, HOOK_PROCRESIZE, 101, G(1), P(0), .x = 2);
	R(&s, HOOK_STW_END, 101, G(1), P(0));
	R(&s, HOOK_ACQUIRE, 103, P(1), .x = 1);
	R(&s, HOOK_SYSCALL_EXIT, 102, G(3), P(1), .x = 0x700000008, .y = 1);
	R(&s, HOOK_SYSCALL_NOP, 102, G(3));
	script_expect_more(&s, "m102 p- g- ProcStart p1\n"
			       "m102 p1 g- GoStart g3\n"
			       "m102 p1 g3 GoSyscallBegin []\n"
			       "m101 p0 g1 STWBegin \"GC sweep termination\" []\n"
			       "m101 p0 g1 ProcSteal p1 m102\n"
			       "m101 p0 g1 ProcsChange 2 []\n"
			       "m101 p0 g1 STWEnd\n"
			       "m103 p- g- ProcStart p1\n"
			       "m102 p- g3 GoSyscallEndBlocked\n");
	script_repairs(&s, REPAIR_STEAL, 1);
	script_done(&s);
}

/* So it does with a P that a thread of C left in a syscall. */
static void test_stop_takes_abandoned_ps(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	s.opts.go_minor = 25;
	R(&s, HOOK_NEEDM, 107);
	R(&s, HOOK_SYSCALL_EXIT, 107, G(9), .x = 1);
	R(&s, HOOK_ACQUIRE, 107, P(1), .x = 1);
	R(&s, HOOK_SYSCALL_ENTER, 107, G(9), P(1));
	R(&s, HOOK_DROPM, 107, G(9), P(1));
	R(&s, HOOK_STW_BEGIN, 101, G(1), P(0), .x = 1);
	R(&s, HOOK_STW_START, 101, G(1), P(0));
	R(&s, HOOK_PROCRESIZE, 101, G(1), P(0), .x = 2);
	R(&s, HOOK_STW_END, 101, G(1), P(0));
	R(&s, HOOK_ACQUIRE, 103, P(1), .x = 1);
	script_expect_more(&s, "m107 p- g- GoCreateSyscall g9\n"
			       "m107 p- g9 ProcStart p1\n"
			       "m107 p1 g9 GoSyscallEndBlocked\n"
			       "m107 p1 g- GoStart g9\n"
			       "m107 p1 g9 GoSyscallBegin []\n"
			       "m107 p1 g9 ProcSteal p1 m0\n"
			       "m107 p1 g9 GoDestroySyscall\n"
			       "m101 p0 g1 STWBegin \"GC sweep termination\" []\n"
			       "m101 p0 g1 ProcSteal p1 m101\n"
			       "m101 p0 g1 ProcsChange 2 []\n"
			       "m101 p0 g1 STWEnd\n"
			       "m103 p- g- ProcStart p1\n");
	script_done(&s);
}

/* A stopper that changes its own P stops for it; up to 1.24 the runtime leaves out a frame there. */
static void test_resize_takes_another_p(void **state)
{
	static const struct {
		unsigned minor;
		const char *stop;
	} v[] = {{24, "[main.f4020_0]"}, {25, "[main.f4010_0 main.f4020_0]"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct script s;
		char want[256];

		script_begin(&s);
		s.opts.go_minor = v[i].minor;
		RS(&s, PCS(0x401001, 0x402001), HOOK_PROCRESIZE, 101, G(1), P(0), .x = 2, .skip = 1);
		R(&s, HOOK_ACQUIRE, 101, P(1), .x = 1);
		snprintf(want, sizeof(want),
			 "m101 p0 g1 ProcsChange 2 [main.f4020_0]\n"
			 "m101 p0 g1 GoStop \"runtime.Gosched\" %s\n"
			 "m101 p0 g- ProcStop\n"
			 "m101 p- g- ProcStart p1\n"
			 "m101 p1 g- GoStart g1\n",
			 v[i].stop);
		expect_clean(&s, want);
	}
}

static void test_gc_cycle(void **state)
{
	uint64_t heap[REC_GCC_WORDS] = { [1] = INT64_MAX, [9] = 4 << 20, [13] = 3 << 20 };
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_GC_BEGIN, 101, G(1), P(0));
	RS(&s, heap, HOOK_HEAP, 101, P(0));
	R(&s, HOOK_GC_END, 101, G(1), P(0));
	expect_clean(&s, "m101 p0 g1 GCBegin []\n"
			 "m101 p0 g1 HeapAlloc 3145728\n"
			 "m101 p0 g1 HeapGoal 4194304\n"
			 "m101 p0 g1 GCEnd\n");
}

/* One assist of two pieces with a park between them is one range. */
static void test_mark_assist_spans_pieces(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_ASSIST_BEGIN, 101, G(1), P(0), .flags = REC_F_ASSIST);
	R(&s, HOOK_ASSIST_END, 101, G(1), P(0), .flags = REC_F_ASSIST);
	R(&s, HOOK_GOSCHED, 101, G(1), P(0), .x = 2, .flags = REC_F_ASSIST);
	R(&s, HOOK_EXECUTE, 101, G(1), P(0), .flags = REC_F_ASSIST);
	R(&s, HOOK_ASSIST_BEGIN, 101, G(1), P(0), .flags = REC_F_ASSIST);
	R(&s, HOOK_ASSIST_END, 101, G(1), P(0), .flags = REC_F_ASSIST);
	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	expect_clean(&s, "m101 p0 g1 GCMarkAssistBegin []\n"
			 "m101 p0 g1 GoStop \"preempted\" []\n"
			 "m101 p0 g- GoStart g1\n"
			 "m101 p0 g1 GCMarkAssistEnd\n"
			 "m101 p0 g1 GoBlock \"chan receive\" []\n");
}

/* A block at gopark has neither a goid nor flags: its reason tells whether it is in the middle. */
static void test_mark_assist_and_unnamed_block(void **state)
{
	struct script s;

	(void)state;
	script_begin(&s);
	R(&s, HOOK_ASSIST_BEGIN, 101, G(1), P(0), .flags = REC_F_ASSIST);
	R(&s, HOOK_ASSIST_END, 101, G(1), P(0), .flags = REC_F_ASSIST);
	R(&s, HOOK_PARK, 101, .g = GPTR(1), .x = 9);
	R(&s, HOOK_EXECUTE, 101, G(3), P(0));
	R(&s, HOOK_READY, 101, .g = GPTR(1), .x = GPTR(3));
	R(&s, HOOK_PARK, 101, .g = GPTR(3), .x = 4);
	R(&s, HOOK_EXECUTE, 101, G(1), P(0));
	expect_clean(&s, "m101 p0 g1 GCMarkAssistBegin []\n"
			 "m101 p0 g1 GoBlock \"GC mark assist wait for work\" []\n"
			 "m101 p0 g- GoStart g3\n"
			 "m101 p0 g3 GoUnblock g1 []\n"
			 "m101 p0 g3 GoBlock \"chan receive\" []\n"
			 "m101 p0 g- GoStart g1\n"
			 "m101 p0 g1 GCMarkAssistEnd\n");
	script_begin(&s);
	R(&s, HOOK_ASSIST_BEGIN, 101, G(1), P(0), .flags = REC_F_ASSIST);
	R(&s, HOOK_ASSIST_END, 101, G(1), P(0), .flags = REC_F_ASSIST);
	R(&s, HOOK_PARK, 101, .g = GPTR(1), .x = 4);
	expect_clean(&s, "m101 p0 g1 GCMarkAssistBegin []\n"
			 "m101 p0 g1 GCMarkAssistEnd\n"
			 "m101 p0 g1 GoBlock \"chan receive\" []\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop_the_world),
		cmocka_unit_test(test_stop_without_its_end),
		cmocka_unit_test(test_stop_takes_ps),
		cmocka_unit_test(test_stop_takes_abandoned_ps),
		cmocka_unit_test(test_resize_takes_another_p),
		cmocka_unit_test(test_gc_cycle),
		cmocka_unit_test(test_mark_assist_spans_pieces),
		cmocka_unit_test(test_mark_assist_and_unnamed_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
