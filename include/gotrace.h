/*
 * gotrace.h - libgotrace: read Go execution traces (version 2: Go 1.22 to 1.27) in C.
 *
 *	struct gotrace *t;
 *	struct gotrace_event ev;
 *	int n;
 *
 *	if (gotrace_open_path("trace.out", 0, &t, &err) < 0)
 *		die(err.text);
 *	while ((n = gotrace_next(t, &ev)) > 0)
 *		use(&ev);
 *	if (n < 0)
 *		warn(gotrace_get_error(t)->text);
 *	gotrace_close(t);
 *
 * The events, their order and their meaning are those of golang.org/x/exp/trace: what is said there
 * of Event, StateTransition, Range, ... holds here. The differences are in libgotrace(3).
 *
 * G1  A file is a sequence of generations. One is held at a time (two with GOTRACE_AHEAD).
 * G2  Every generation begins with a GOTRACE_SYNC event; one more ends the trace. The first event of
 *     a trace and the last of a whole one are SYNC.
 * G3  Strings, stacks and frames are borrowed: good until gotrace_next returns the next SYNC, an end
 *     or an error, or until gotrace_close. Within a generation equal stacks are one pointer; across
 *     generations compare gotrace_stack.hash, or copy.
 * G4  Time is in nanoseconds of the target's monotonic clock and strictly increases.
 * G5  After the first error, or the end, every call gives the same answer again.
 * G6  No globals, no signals, no exit. One reader may be used by one thread at a time; different
 *     readers by different threads at once.
 *
 * Errors are negative errno values: -EBADMSG the bytes are not a lawful trace, -ENOTSUP a version
 * that we do not read, -E2BIG over one of our limits, -ENOMEM, -EINVAL the caller's mistake, or what
 * open and read gave.
 */
#ifndef GOTRACE_H
#define GOTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GOTRACE_API __attribute__((visibility("default")))

#define GOTRACE_NO_GOROUTINE ((int64_t)-1)
#define GOTRACE_NO_PROC ((int64_t)-1)
#define GOTRACE_NO_THREAD ((int64_t)-1)
#define GOTRACE_NO_TASK UINT64_MAX
#define GOTRACE_BACKGROUND_TASK ((uint64_t)0)
#define GOTRACE_NO_OFFSET UINT64_MAX

struct gotrace; /* a reader */

enum gotrace_kind {
	GOTRACE_BAD,
	GOTRACE_SYNC,		  /* u.sync: a generation begins, or the trace ends */
	GOTRACE_METRIC,		  /* u.metric */
	GOTRACE_LABEL,		  /* u.label */
	GOTRACE_STACK_SAMPLE,	  /* a CPU profile's sample; its stack is ev.stack */
	GOTRACE_RANGE_BEGIN,	  /* u.range */
	GOTRACE_RANGE_ACTIVE,	  /* u.range: had begun before; its scope may be anywhere */
	GOTRACE_RANGE_END,	  /* u.range, with the sweep's two attributes */
	GOTRACE_TASK_BEGIN,	  /* u.task */
	GOTRACE_TASK_END,	  /* u.task */
	GOTRACE_REGION_BEGIN,	  /* u.region */
	GOTRACE_REGION_END,	  /* u.region */
	GOTRACE_LOG,		  /* u.log */
	GOTRACE_STATE_TRANSITION, /* u.transition */
	GOTRACE_EXPERIMENTAL,	  /* u.experimental */
	GOTRACE_KIND_COUNT,
};

enum gotrace_go_state {
	GOTRACE_GO_UNDETERMINED, /* nothing is known yet */
	GOTRACE_GO_NOT_EXIST,
	GOTRACE_GO_RUNNABLE,
	GOTRACE_GO_RUNNING,
	GOTRACE_GO_WAITING,
	GOTRACE_GO_SYSCALL,
	GOTRACE_GO_STATE_COUNT,
};

enum gotrace_proc_state {
	GOTRACE_PROC_UNDETERMINED,
	GOTRACE_PROC_NOT_EXIST,
	GOTRACE_PROC_RUNNING,
	GOTRACE_PROC_IDLE,
	GOTRACE_PROC_STATE_COUNT,
};

enum gotrace_resource_kind {
	GOTRACE_RESOURCE_NONE, /* the whole program */
	GOTRACE_RESOURCE_GOROUTINE,
	GOTRACE_RESOURCE_PROC,
	GOTRACE_RESOURCE_THREAD,
};

struct gotrace_resource {
	enum gotrace_resource_kind kind;
	int64_t id; /* 0 if kind is NONE */
};

/* p[len] is 0, and p is never NULL; zero bytes inside are lawful, if odd. */
struct gotrace_str {
	const char *p;
	size_t len;
};

struct gotrace_frame {
	uint64_t pc; /* of the call, or of the leaf */
	uint64_t line;
	struct gotrace_str func, file;
};

struct gotrace_stack {
	uint64_t id;   /* in its generation; > 0 */
	uint64_t hash; /* of the functions, files and lines: the same in every generation and file */
	uint32_t cnt;  /* frames; may be 0 */
	const struct gotrace_frame *const *frames; /* [cnt], leaf first; equal PCs, one frame */
};

/*
 * A goroutine or a P goes from a state to a state. from == to, or from UNDETERMINED, tells the
 * state at the start of a generation. A goroutine that was there before the trace appears with
 * from UNDETERMINED; a new one with NOT_EXIST.
 */
struct gotrace_transition {
	struct gotrace_resource resource; /* a goroutine or a P */
	uint8_t from, to;		  /* enum gotrace_go_state or gotrace_proc_state */
	struct gotrace_str reason;	  /* why it blocked or stopped, or "" */
	const struct gotrace_stack *stack; /* of the goroutine in question (a new one's: its start
					      function); NULL: none */
};

/* Named as in Go's runtime/metrics. */
#define GOTRACE_METRIC_GOMAXPROCS "/sched/gomaxprocs:threads"
#define GOTRACE_METRIC_HEAP "/memory/classes/heap/objects:bytes"
#define GOTRACE_METRIC_HEAP_GOAL "/gc/heap/goal:bytes"

struct gotrace_metric {
	const char *name; /* GOTRACE_METRIC_*, by content; static: lives for ever */
	uint64_t value;
};

struct gotrace_label {
	struct gotrace_str label;
	struct gotrace_resource resource;
};

struct gotrace_range {
	struct gotrace_str name; /* "GC concurrent mark phase" "GC incremental sweep"
				    "GC mark assist" "stop-the-world (reason)" */
	struct gotrace_resource scope;
	bool has_sweep; /* the end of a sweep: */
	uint64_t swept_bytes, reclaimed_bytes;
};

struct gotrace_task {
	uint64_t id;
	uint64_t parent;	 /* or GOTRACE_NO_TASK */
	struct gotrace_str type; /* "" if its beginning is not in the trace */
};

struct gotrace_region {
	uint64_t task; /* or GOTRACE_BACKGROUND_TASK */
	struct gotrace_str type;
};

struct gotrace_log {
	uint64_t task;
	struct gotrace_str category, message;
};

/* Three clocks read at nearly one moment; from Go 1.25 on. */
struct gotrace_clock {
	int64_t trace_ns;  /* on the scale of gotrace_event.time */
	uint64_t mono_ns;  /* the system's monotonic clock */
	int64_t wall_sec;  /* since 1970 */
	int64_t wall_nsec; /* [0, 1e9) in lawful traces */
};

struct gotrace_sync {
	uint64_t n;	     /* counts from 1 */
	uint64_t generation; /* the number the file gives it; 0 at the end of the trace */
	bool has_clock;
	struct gotrace_clock clock;
};

enum { GOTRACE_EXPERIMENTAL_ARGS = 3 };

struct gotrace_experimental {
	const char *name, *experiment; /* static */
	unsigned nargs;
	const char *arg_names[GOTRACE_EXPERIMENTAL_ARGS]; /* static */
	uint64_t args[GOTRACE_EXPERIMENTAL_ARGS];
};

struct gotrace_event {
	enum gotrace_kind kind;
	uint8_t wire_type; /* the event of the wire format that it came from; 255 for SYNC */
	int64_t time;	   /* ns */
	/* Where it happened, as it was before the event; GOTRACE_NO_*. */
	int64_t goroutine, proc, thread;
	const struct gotrace_stack *stack; /* of what was executing; NULL: none */
	union {
		struct gotrace_transition transition;
		struct gotrace_metric metric;
		struct gotrace_label label;
		struct gotrace_range range;
		struct gotrace_task task;
		struct gotrace_region region;
		struct gotrace_log log;
		struct gotrace_sync sync;
		struct gotrace_experimental experimental;
	} u;
};

struct gotrace_error {
	int code;	     /* negative errno; 0: none */
	uint64_t offset;     /* in the (decompressed) file, or GOTRACE_NO_OFFSET */
	uint64_t generation; /* in which it was found; 0: before the first, or unknown */
	char text[480];	     /* one sentence without the file's name */
};

struct gotrace_info {
	unsigned version;     /* of the header: 22, 23, 25 or 26, for Go 1.22 and so on */
	uint64_t bytes;	      /* (decompressed) taken from the file so far */
	uint64_t generations; /* begun so far */
	uint64_t events;      /* returned so far, SYNC included */
	uint64_t generation_bytes_max; /* size of the largest generation so far */
};

/* Flags of the opening functions. */
enum {
	GOTRACE_AHEAD = 1, /* a second thread reads, inflates and indexes the next generation */
};

/*
 * Open a trace: a file by name ("-" is not special), an open descriptor (borrowed: it is read from
 * its current place, by blocking reads, never sought or closed; a pipe will do), or bytes in memory
 * (borrowed until gotrace_close). What begins like gzip is inflated. The header is read at once.
 * 0 and *ret_t, to be freed by gotrace_close; or a negative errno and, if ret_err is not NULL,
 * *ret_err. The sentence names old formats (Go 1.21 and before) and what to do with them.
 */
GOTRACE_API int gotrace_open_path(const char *path, unsigned flags, struct gotrace **ret_t,
				  struct gotrace_error *ret_err);
GOTRACE_API int gotrace_open_fd(int fd, unsigned flags, struct gotrace **ret_t,
				struct gotrace_error *ret_err);
GOTRACE_API int gotrace_open_mem(const void *p, size_t len, unsigned flags,
				 struct gotrace **ret_t, struct gotrace_error *ret_err);

/* NULL is fine. */
GOTRACE_API void gotrace_close(struct gotrace *t);

/*
 * The next event. 1 and *ret_ev; 0 at the end of a whole trace; negative when the file is damaged
 * or truncated: every whole generation before the damage has been given then.
 */
GOTRACE_API int gotrace_next(struct gotrace *t, struct gotrace_event *ret_ev);

/* What stopped the reading; code 0 if nothing did. Borrowed until gotrace_close. */
GOTRACE_API const struct gotrace_error *gotrace_get_error(const struct gotrace *t);

GOTRACE_API void gotrace_get_info(const struct gotrace *t, struct gotrace_info *ret_info);

/* Names as golang.org/x/exp/trace prints them ("StateTransition", "Runnable"); "Bad" if unknown. */
GOTRACE_API const char *gotrace_kind_name(unsigned kind);
GOTRACE_API const char *gotrace_go_state_name(unsigned state);
GOTRACE_API const char *gotrace_proc_state_name(unsigned state);
GOTRACE_API const char *gotrace_resource_kind_name(unsigned kind);

#ifdef __cplusplus
}
#endif

#endif
