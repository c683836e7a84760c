#include "judge.h"

static void tasks_regions(void **state)
{
	static const struct judged cases[] = {
		{ "UserTaskBegin dt=1 task=1 parent_task=0 name_string=1 stack=0\n"
		  "UserTaskBegin dt=1 task=1 parent_task=0 name_string=2 stack=0",
		  NULL, "task 1 is active already" },
		{ "UserTaskBegin dt=1 task=1 parent_task=0 name_string=1 stack=0\nUserTaskEnd dt=1 "
		  "task=1 stack=0\n"
		  "UserTaskBegin dt=1 task=1 parent_task=0 name_string=2 stack=0",
		  NULL, NULL },
		{ "UserTaskEnd dt=1 task=9 stack=0", NULL, NULL },
		{ "UserTaskBegin dt=1 task=1 parent_task=0 name_string=3 stack=0", NULL,
		  "string 3" },
		{ "UserRegionBegin dt=1 task=1 name_string=1 stack=0\nUserRegionEnd dt=1 task=1 "
		  "name_string=1 stack=0",
		  NULL, NULL },
		{ "UserRegionBegin dt=1 task=1 name_string=1 stack=0\nUserRegionEnd dt=1 task=1 "
		  "name_string=2 stack=0",
		  NULL, "\"two\" of task 1 ends on goroutine 1" },
		{ "UserRegionBegin dt=1 task=1 name_string=1 stack=0\nUserRegionEnd dt=1 task=2 "
		  "name_string=1 stack=0",
		  NULL, "of task 2 ends" },
		{ "UserRegionEnd dt=1 task=1 name_string=1 stack=0", NULL,
		  NULL }, /* began before the trace */
		{ "UserRegionBegin dt=1 task=1 name_string=0 stack=0\nUserRegionEnd dt=1 task=1 "
		  "name_string=0 stack=0",
		  NULL, NULL },
		{ "UserLog dt=1 task=1 key_string=1 value_string=2 stack=0", NULL, NULL },
		{ "UserLog dt=1 task=1 key_string=1 value_string=7 stack=0", NULL,
		  "names a string" },
		{ "GoBlock dt=1 reason_string=0 stack=0\nGoLabel dt=1 label_string=1", NULL,
		  "GoLabel: thread 7 has no goroutine" },
	};

	(void)state;
	JUDGE_ALL(cases);
}

static void ranges(void **state)
{
	static const struct judged cases[] = {
		{ "STWBegin dt=1 kind_string=1 stack=0\nSTWEnd dt=1", NULL, NULL },
		{ "STWBegin dt=1 kind_string=1 stack=0\nSTWBegin dt=1 kind_string=1 stack=0", NULL,
		  "has begun already" },
		{ "STWBegin dt=1 kind_string=1 stack=0\nSTWBegin dt=1 kind_string=2 "
		  "stack=0\nSTWEnd "
		  "dt=1\nSTWEnd dt=1",
		  NULL, NULL },
		{ "STWEnd dt=1", NULL, "STWEnd: has not begun on goroutine 1" },
		{ "GCMarkAssistBegin dt=1 stack=0\nGCMarkAssistEnd dt=1", NULL, NULL },
		{ "GCMarkAssistBegin dt=1 stack=0\nGCMarkAssistActive dt=1 g=1", NULL,
		  "is active already" },
		{ "GCMarkAssistActive dt=1 g=1\nGCMarkAssistEnd dt=1", NULL, NULL },
		{ "GCMarkAssistActive dt=1 g=5", NULL, "goroutine 5 is unknown" },
		{ "GCSweepBegin dt=1 stack=0\nGCSweepEnd dt=1 swept_value=1 reclaimed_value=1",
		  NULL, NULL },
		{ "GCSweepEnd dt=1 swept_value=1 reclaimed_value=1", NULL, "P 0 is not sweeping" },
		{ "GCSweepActive dt=1 p=0\nGCSweepBegin dt=1 stack=0", NULL, "has begun already" },
		{ "GCSweepActive dt=1 p=6", NULL, "P 6 is unknown" },
	};

	(void)state;
	JUDGE_ALL(cases);
}

static void gc(void **state)
{
	static const struct judged cases[] = {
		{ "GCBegin dt=1 gc_seq=5 stack=0\nGCEnd dt=1 gc_seq=6\nGCBegin dt=1 gc_seq=7 "
		  "stack=0",
		  NULL, NULL },
		{ "GCBegin dt=1 gc_seq=5 stack=0\nGCEnd dt=1 gc_seq=8", NULL,
		  "the GC is at seq 5" },
		{ "GCBegin dt=1 gc_seq=5 stack=0\nGCBegin dt=1 gc_seq=6 stack=0", NULL,
		  "is running already" },
		{ "GCEnd dt=1 gc_seq=1", NULL, "no GC is known to run" },
		{ "GCActive dt=1 gc_seq=3\nGCEnd dt=1 gc_seq=4", NULL, NULL },
		{ "GCBegin dt=1 gc_seq=3 stack=0\nGCActive dt=1 gc_seq=4", NULL,
		  "is not the first" },
	};

	(void)state;
	JUDGE_ALL(cases);
}

/* Ranges, tasks and regions live on in the next generation, where ids of strings are others. */
static void across(void **state)
{
	struct trace_counts c;
	struct buf w = { 0 };
	struct diag d;

	(void)state;
	wire_head(&w, 22);
	wire_sync(&w, 22, 1);
	wire_batch(&w, 1, UINT64_MAX, 1, "Strings\nString id=1\ndata=\"name\"");
	wire_batch(&w, 1, 7, 100,
		   RUNNING "UserRegionBegin dt=1 task=1 name_string=1 stack=0\n"
			   "GCBegin dt=1 gc_seq=1 stack=0\nGCMarkAssistBegin dt=1 stack=0\n"
			   "UserTaskBegin dt=1 task=1 parent_task=0 name_string=1 stack=0");
	wire_sync(&w, 22, 2);
	wire_batch(&w, 2, UINT64_MAX, 1,
		   "Strings\nString id=9\ndata=\"name\"\nString id=1\ndata=\"other\"");
	wire_batch(&w, 2, 7, 200,
		   RUNNING "GCActive dt=1 gc_seq=2\nGCMarkAssistActive dt=1 g=1\n"
			   "GCMarkAssistEnd dt=1\nUserRegionEnd dt=1 task=1 name_string=9 stack=0\n"
			   "UserTaskEnd dt=1 task=1 stack=0\nGCEnd dt=1 gc_seq=3");
	if (order_check_mem(w.p, w.len, &c, &d))
		fail_msg("%s", d.text);
	assert_int_equal(c.generations, 2);
	wire_sync(&w, 22, 3);
	wire_batch(&w, 3, 7, 300, RUNNING "GCMarkAssistActive dt=1 g=1");
	assert_int_not_equal(order_check_mem(w.p, w.len, &c, &d), 0);
	assert_non_null(strstr(d.text, "generation 3: GCMarkAssistActive: was not active"));
	buf_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tasks_regions),
					    cmocka_unit_test(ranges), cmocka_unit_test(gc),
					    cmocka_unit_test(across) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
