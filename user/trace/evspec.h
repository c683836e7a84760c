/*
 * evspec.h - the events of the Go execution trace, version 2: what writer, reader and judge share.
 *
 * Source: Go 1.26 internal/trace/tracev2/events.go (one row an event) and internal/trace/version
 * (a version is a prefix of that table).
 */
#ifndef TRACE_EVSPEC_H
#define TRACE_EVSPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ev {
	EV_NONE = 0,
	EV_EVENT_BATCH = 1,
	EV_STACKS = 2,
	EV_STACK = 3,
	EV_STRINGS = 4,
	EV_STRING = 5,
	EV_CPU_SAMPLES = 6,
	EV_CPU_SAMPLE = 7,
	EV_FREQUENCY = 8,
	EV_PROCS_CHANGE = 9,
	EV_PROC_START = 10,
	EV_PROC_STOP = 11,
	EV_PROC_STEAL = 12,
	EV_PROC_STATUS = 13,
	EV_GO_CREATE = 14,
	EV_GO_CREATE_SYSCALL = 15,
	EV_GO_START = 16,
	EV_GO_DESTROY = 17,
	EV_GO_DESTROY_SYSCALL = 18,
	EV_GO_STOP = 19,
	EV_GO_BLOCK = 20,
	EV_GO_UNBLOCK = 21,
	EV_GO_SYSCALL_BEGIN = 22,
	EV_GO_SYSCALL_END = 23,
	EV_GO_SYSCALL_END_BLOCKED = 24,
	EV_GO_STATUS = 25,
	EV_STW_BEGIN = 26,
	EV_STW_END = 27,
	EV_GC_ACTIVE = 28,
	EV_GC_BEGIN = 29,
	EV_GC_END = 30,
	EV_GC_SWEEP_ACTIVE = 31,
	EV_GC_SWEEP_BEGIN = 32,
	EV_GC_SWEEP_END = 33,
	EV_GC_MARK_ASSIST_ACTIVE = 34,
	EV_GC_MARK_ASSIST_BEGIN = 35,
	EV_GC_MARK_ASSIST_END = 36,
	EV_HEAP_ALLOC = 37,
	EV_HEAP_GOAL = 38,
	EV_GO_LABEL = 39,
	EV_USER_TASK_BEGIN = 40,
	EV_USER_TASK_END = 41,
	EV_USER_REGION_BEGIN = 42,
	EV_USER_REGION_END = 43,
	EV_USER_LOG = 44,
	EV_GO_SWITCH = 45,
	EV_GO_SWITCH_DESTROY = 46,
	EV_GO_CREATE_BLOCKED = 47,
	EV_GO_STATUS_STACK = 48,
	EV_EXPERIMENTAL_BATCH = 49,
	EV_SYNC = 50,
	EV_CLOCK_SNAPSHOT = 51,
	EV_END_OF_GENERATION = 52,
	EV_COUNT = 53,

	/* The experiment "AllocFree" (GODEBUG=traceallocfree=1), Go 1.23 on. */
	EV_SPAN = 128,
	EV_SPAN_ALLOC = 129,
	EV_SPAN_FREE = 130,
	EV_HEAP_OBJECT = 131,
	EV_HEAP_OBJECT_ALLOC = 132,
	EV_HEAP_OBJECT_FREE = 133,
	EV_GOROUTINE_STACK = 134,
	EV_GOROUTINE_STACK_ALLOC = 135,
	EV_GOROUTINE_STACK_FREE = 136,
	EV_TABLE_LEN = 137,
};

enum {
	EV_MAX_ARGS = 5,   /* arguments after dt */
	EV_HEADER_LEN = 16, /* "go 1.NN trace\0\0\0" */
};

/* What an argument is: readers resolve strings and stacks, the judge checks the rest. */
enum ev_arg { ARG_NONE, ARG_NUM, ARG_G, ARG_P, ARG_M, ARG_SEQ, ARG_STACK, ARG_STRING, ARG_STATUS,
	      ARG_TASK };

struct evspec {
	const char *name;	 /* as `go tool trace -d=wire` prints it */
	uint8_t since;		 /* the first header version that knows it */
	uint8_t nargs;		 /* after dt */
	bool timed;		 /* an event of a thread's batch: has dt */
	uint8_t args[EV_MAX_ARGS]; /* enum ev_arg */
};

/* "no thread" of a batch, "no goroutine" and "no P" of a sample. */
#define TRACE_NO_M UINT64_MAX

/* Goroutine and P states as GoStatus and ProcStatus write them (Go 1.26 tracev2/status.go). */
enum { TRACE_GO_BAD, TRACE_GO_RUNNABLE, TRACE_GO_RUNNING, TRACE_GO_SYSCALL, TRACE_GO_WAITING };
enum {
	TRACE_PROC_BAD,
	TRACE_PROC_RUNNING,
	TRACE_PROC_IDLE,
	TRACE_PROC_SYSCALL,
	TRACE_PROC_SYSCALL_ABANDONED,
};

/* All rows; name is NULL where no version has an event. The reader's inner loop looks here. */
extern const struct evspec evspec_table[EV_TABLE_LEN];

/* Numbers behind the type of an event with dt: dt and its arguments. 0: not such an event. */
extern const uint8_t evspec_numbers[256];

/* The row of an event type; NULL for types no version has. */
const struct evspec *evspec_get(unsigned type);

/* True for 22, 23, 25, 26: the header versions that exist. */
bool evspec_version_known(unsigned version);

#endif
