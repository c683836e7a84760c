#include "trace/evspec.h"

static const struct evspec specs[EV_COUNT] = {
	/* type		          name                 since nargs timed  arguments after dt */
	[EV_EVENT_BATCH] = { "EventBatch", 22, 4, false, { ARG_NUM, ARG_M, ARG_NUM, ARG_NUM } },
	[EV_STACKS] = { "Stacks", 22, 0, false, { 0 } },
	[EV_STACK] = { "Stack", 22, 2, false, { ARG_NUM, ARG_NUM } },
	[EV_STRINGS] = { "Strings", 22, 0, false, { 0 } },
	[EV_STRING] = { "String", 22, 1, false, { ARG_NUM } },
	[EV_CPU_SAMPLES] = { "CPUSamples", 22, 0, false, { 0 } },
	[EV_CPU_SAMPLE] = { "CPUSample", 22, 5, false,
			    { ARG_NUM, ARG_M, ARG_P, ARG_G, ARG_STACK } },
	[EV_FREQUENCY] = { "Frequency", 22, 1, false, { ARG_NUM } },
	[EV_PROCS_CHANGE] = { "ProcsChange", 22, 2, true, { ARG_NUM, ARG_STACK } },
	[EV_PROC_START] = { "ProcStart", 22, 2, true, { ARG_P, ARG_SEQ } },
	[EV_PROC_STOP] = { "ProcStop", 22, 0, true, { 0 } },
	[EV_PROC_STEAL] = { "ProcSteal", 22, 3, true, { ARG_P, ARG_SEQ, ARG_M } },
	[EV_PROC_STATUS] = { "ProcStatus", 22, 2, true, { ARG_P, ARG_STATUS } },
	[EV_GO_CREATE] = { "GoCreate", 22, 3, true, { ARG_G, ARG_STACK, ARG_STACK } },
	[EV_GO_CREATE_SYSCALL] = { "GoCreateSyscall", 22, 1, true, { ARG_G } },
	[EV_GO_START] = { "GoStart", 22, 2, true, { ARG_G, ARG_SEQ } },
	[EV_GO_DESTROY] = { "GoDestroy", 22, 0, true, { 0 } },
	[EV_GO_DESTROY_SYSCALL] = { "GoDestroySyscall", 22, 0, true, { 0 } },
	[EV_GO_STOP] = { "GoStop", 22, 2, true, { ARG_STRING, ARG_STACK } },
	[EV_GO_BLOCK] = { "GoBlock", 22, 2, true, { ARG_STRING, ARG_STACK } },
	[EV_GO_UNBLOCK] = { "GoUnblock", 22, 3, true, { ARG_G, ARG_SEQ, ARG_STACK } },
	[EV_GO_SYSCALL_BEGIN] = { "GoSyscallBegin", 22, 2, true, { ARG_SEQ, ARG_STACK } },
	[EV_GO_SYSCALL_END] = { "GoSyscallEnd", 22, 0, true, { 0 } },
	[EV_GO_SYSCALL_END_BLOCKED] = { "GoSyscallEndBlocked", 22, 0, true, { 0 } },
	[EV_GO_STATUS] = { "GoStatus", 22, 3, true, { ARG_G, ARG_M, ARG_STATUS } },
	[EV_STW_BEGIN] = { "STWBegin", 22, 2, true, { ARG_STRING, ARG_STACK } },
	[EV_STW_END] = { "STWEnd", 22, 0, true, { 0 } },
	[EV_GC_ACTIVE] = { "GCActive", 22, 1, true, { ARG_SEQ } },
	[EV_GC_BEGIN] = { "GCBegin", 22, 2, true, { ARG_SEQ, ARG_STACK } },
	[EV_GC_END] = { "GCEnd", 22, 1, true, { ARG_SEQ } },
	[EV_GC_SWEEP_ACTIVE] = { "GCSweepActive", 22, 1, true, { ARG_P } },
	[EV_GC_SWEEP_BEGIN] = { "GCSweepBegin", 22, 1, true, { ARG_STACK } },
	[EV_GC_SWEEP_END] = { "GCSweepEnd", 22, 2, true, { ARG_NUM, ARG_NUM } },
	[EV_GC_MARK_ASSIST_ACTIVE] = { "GCMarkAssistActive", 22, 1, true, { ARG_G } },
	[EV_GC_MARK_ASSIST_BEGIN] = { "GCMarkAssistBegin", 22, 1, true, { ARG_STACK } },
	[EV_GC_MARK_ASSIST_END] = { "GCMarkAssistEnd", 22, 0, true, { 0 } },
	[EV_HEAP_ALLOC] = { "HeapAlloc", 22, 1, true, { ARG_NUM } },
	[EV_HEAP_GOAL] = { "HeapGoal", 22, 1, true, { ARG_NUM } },
	[EV_GO_LABEL] = { "GoLabel", 22, 1, true, { ARG_STRING } },
	[EV_USER_TASK_BEGIN] = { "UserTaskBegin", 22, 4, true,
				 { ARG_TASK, ARG_TASK, ARG_STRING, ARG_STACK } },
	[EV_USER_TASK_END] = { "UserTaskEnd", 22, 2, true, { ARG_TASK, ARG_STACK } },
	[EV_USER_REGION_BEGIN] = { "UserRegionBegin", 22, 3, true,
				   { ARG_TASK, ARG_STRING, ARG_STACK } },
	[EV_USER_REGION_END] = { "UserRegionEnd", 22, 3, true,
				 { ARG_TASK, ARG_STRING, ARG_STACK } },
	[EV_USER_LOG] = { "UserLog", 22, 4, true,
			  { ARG_TASK, ARG_STRING, ARG_STRING, ARG_STACK } },
	[EV_GO_SWITCH] = { "GoSwitch", 23, 2, true, { ARG_G, ARG_SEQ } },
	[EV_GO_SWITCH_DESTROY] = { "GoSwitchDestroy", 23, 2, true, { ARG_G, ARG_SEQ } },
	[EV_GO_CREATE_BLOCKED] = { "GoCreateBlocked", 23, 3, true,
				   { ARG_G, ARG_STACK, ARG_STACK } },
	[EV_GO_STATUS_STACK] = { "GoStatusStack", 23, 4, true,
				 { ARG_G, ARG_M, ARG_STATUS, ARG_STACK } },
	[EV_EXPERIMENTAL_BATCH] = { "ExperimentalBatch", 23, 0, false, { 0 } },
	[EV_SYNC] = { "Sync", 25, 0, false, { 0 } },
	[EV_CLOCK_SNAPSHOT] = { "ClockSnapshot", 25, 3, true, { ARG_NUM, ARG_NUM, ARG_NUM } },
	[EV_END_OF_GENERATION] = { "EndOfGeneration", 26, 0, false, { 0 } },
};

const struct evspec *evspec_get(unsigned type)
{
	return type < EV_COUNT && specs[type].name ? &specs[type] : NULL;
}

bool evspec_version_known(unsigned version)
{
	return version == 22 || version == 23 || version == 25 || version == 26;
}
