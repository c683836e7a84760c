#include "judge.h"

#include "trace/order.h"

/* What each event needs of its thread, asked before anything else. */
static void needs(void **state)
{
	static const struct {
		const char *event;
		bool p, g; /* needs a P, a goroutine */
	} cases[] = {
		{ "ProcsChange dt=1 procs_value=1 stack=0", true, true },
		{ "ProcStop dt=1", true, false },
		{ "GoCreate dt=1 new_g=5 new_stack=0 stack=0", true, false },
		{ "GoDestroy dt=1", true, true },
		{ "GoStop dt=1 reason_string=0 stack=0", true, true },
		{ "GoSyscallBegin dt=1 p_seq=1 stack=0", true, true },
		{ "STWBegin dt=1 kind_string=0 stack=0", true, true },
		{ "GCSweepBegin dt=1 stack=0", true, false },
		{ "GCMarkAssistBegin dt=1 stack=0", true, true },
		{ "HeapAlloc dt=1 heapalloc_value=1", true, false },
		{ "GoLabel dt=1 label_string=0", true, true },
		{ "UserTaskEnd dt=1 task=1 stack=0", true, true },
		{ "GoDestroySyscall dt=1", false, true },
		{ "SpanFree dt=1 id=1", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct judged none = { "HeapGoal dt=1 heapgoal_value=1", cases[i].event,
				       cases[i].p ? "thread 8 has no P" : "has no goroutine" };
		char text[256];
		struct judged p_only = { none.events, text, "thread 8 has no goroutine" };

		snprintf(text, sizeof(text), "ProcStatus dt=1 p=1 pstatus=1\n%s", cases[i].event);
		if (!cases[i].p && !cases[i].g)
			none.want = NULL;
		if (!cases[i].g)
			p_only.want = NULL;
		judge(&none);
		judge(&p_only);
	}
}

/* A batch of no thread has neither P nor goroutine; only what needs no thread may stand in it. */
static void no_thread(void **state)
{
	static const struct {
		const char *events, *want;
	} cases[] = {
		{ "ProcStatus dt=1 p=0 pstatus=2\nGoStatus dt=1 g=1 m=1 gstatus=4\nGoUnblock dt=1 "
		  "g=1 g_seq=1 stack=0",
		  NULL },
		{ "ProcStatus dt=1 p=0 pstatus=2\nProcStart dt=1 p=0 p_seq=1",
		  "batch of no thread" },
		{ "HeapAlloc dt=1 heapalloc_value=1", "batch of no thread" },
		{ "GoSyscallEndBlocked dt=1", "batch of no thread" },
		{ "GoStatus dt=1 g=1 m=1 gstatus=1\nGoStart dt=1 g=1 g_seq=1",
		  "batch of no thread" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace_counts c;
		struct buf w = { 0 };
		struct diag d;
		int rc;

		wire_head(&w, 22);
		wire_sync(&w, 22, 1);
		wire_batch(&w, 1, UINT64_MAX, 100, cases[i].events);
		rc = order_check_mem(w.p, w.len, &c, &d);
		assert_int_equal(!rc, !cases[i].want);
		if (cases[i].want && !strstr(d.text, cases[i].want))
			fail_msg("%s", d.text);
		buf_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(needs), cmocka_unit_test(no_thread) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
