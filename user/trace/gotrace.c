/*
 * gotrace.c - libgotrace's public face: what the reader's events mean.
 *
 * Source of every meaning: Go 1.27 internal/trace/event.go (the same as golang.org/x/exp/trace).
 */
#include "include/gotrace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "trace/readerstate.h"

struct gotrace {
	struct reader *r;
	struct gotrace_error err;
	uint64_t events;
	struct arena names; /* of this generation: "stop-the-world (...)" */
};

/* How an event type reads. from and to are of the transition; 0, 0: the judge says. */
struct meaning {
	uint8_t kind;
	uint8_t resource;
	uint8_t from, to;
	bool of_current; /* the resource is what executes, not the first argument */
	bool own_stack;	 /* the event's stack is the resource's, too */
	uint8_t pad[2];	 /* a row is found by one shift */
};

#define GO_TRANS(f, t)                                                                             \
	.kind = GOTRACE_STATE_TRANSITION, .resource = GOTRACE_RESOURCE_GOROUTINE,                  \
	.from = GOTRACE_GO_##f, .to = GOTRACE_GO_##t
#define PROC_TRANS(f, t)                                                                           \
	.kind = GOTRACE_STATE_TRANSITION, .resource = GOTRACE_RESOURCE_PROC,                       \
	.from = GOTRACE_PROC_##f, .to = GOTRACE_PROC_##t

static const struct meaning meanings[ORDER_SYNC + 1] = {
	[ORDER_SYNC] = { .kind = GOTRACE_SYNC },
	[EV_CPU_SAMPLE] = { .kind = GOTRACE_STACK_SAMPLE },
	[EV_PROCS_CHANGE] = { .kind = GOTRACE_METRIC },
	[EV_PROC_START] = { PROC_TRANS(IDLE, RUNNING) },
	[EV_PROC_STOP] = { PROC_TRANS(RUNNING, IDLE), .of_current = true },
	[EV_PROC_STEAL] = { PROC_TRANS(UNDETERMINED, UNDETERMINED) },
	[EV_PROC_STATUS] = { PROC_TRANS(UNDETERMINED, UNDETERMINED) },
	[EV_GO_CREATE] = { GO_TRANS(NOT_EXIST, RUNNABLE) },
	[EV_GO_CREATE_BLOCKED] = { GO_TRANS(NOT_EXIST, WAITING) },
	[EV_GO_CREATE_SYSCALL] = { GO_TRANS(NOT_EXIST, SYSCALL) },
	[EV_GO_START] = { GO_TRANS(RUNNABLE, RUNNING) },
	[EV_GO_DESTROY] = { GO_TRANS(RUNNING, NOT_EXIST), .of_current = true },
	[EV_GO_DESTROY_SYSCALL] = { GO_TRANS(SYSCALL, NOT_EXIST), .of_current = true },
	[EV_GO_STOP] = { GO_TRANS(RUNNING, RUNNABLE), .of_current = true, .own_stack = true },
	[EV_GO_BLOCK] = { GO_TRANS(RUNNING, WAITING), .of_current = true, .own_stack = true },
	[EV_GO_UNBLOCK] = { GO_TRANS(WAITING, RUNNABLE) },
	[EV_GO_SWITCH] = { GO_TRANS(WAITING, RUNNABLE) },
	[EV_GO_SWITCH_DESTROY] = { GO_TRANS(WAITING, RUNNABLE) },
	[EV_GO_SYSCALL_BEGIN] = { GO_TRANS(RUNNING, SYSCALL), .of_current = true,
				  .own_stack = true },
	[EV_GO_SYSCALL_END] = { GO_TRANS(SYSCALL, RUNNING), .of_current = true },
	[EV_GO_SYSCALL_END_BLOCKED] = { GO_TRANS(SYSCALL, RUNNABLE), .of_current = true },
	[EV_GO_STATUS] = { GO_TRANS(UNDETERMINED, UNDETERMINED) },
	[EV_GO_STATUS_STACK] = { GO_TRANS(UNDETERMINED, UNDETERMINED), .own_stack = true },
	[EV_STW_BEGIN] = { .kind = GOTRACE_RANGE_BEGIN,
			   .resource = GOTRACE_RESOURCE_GOROUTINE,
			   .of_current = true },
	[EV_STW_END] = { .kind = GOTRACE_RANGE_END,
			 .resource = GOTRACE_RESOURCE_GOROUTINE,
			 .of_current = true },
	[EV_GC_ACTIVE] = { .kind = GOTRACE_RANGE_ACTIVE, .resource = GOTRACE_RESOURCE_NONE },
	[EV_GC_BEGIN] = { .kind = GOTRACE_RANGE_BEGIN, .resource = GOTRACE_RESOURCE_NONE },
	[EV_GC_END] = { .kind = GOTRACE_RANGE_END, .resource = GOTRACE_RESOURCE_NONE },
	[EV_GC_SWEEP_ACTIVE] = { .kind = GOTRACE_RANGE_ACTIVE, .resource = GOTRACE_RESOURCE_PROC },
	[EV_GC_SWEEP_BEGIN] = { .kind = GOTRACE_RANGE_BEGIN,
				.resource = GOTRACE_RESOURCE_PROC,
				.of_current = true },
	[EV_GC_SWEEP_END] = { .kind = GOTRACE_RANGE_END,
			      .resource = GOTRACE_RESOURCE_PROC,
			      .of_current = true },
	[EV_GC_MARK_ASSIST_ACTIVE] = { .kind = GOTRACE_RANGE_ACTIVE,
				       .resource = GOTRACE_RESOURCE_GOROUTINE },
	[EV_GC_MARK_ASSIST_BEGIN] = { .kind = GOTRACE_RANGE_BEGIN,
				      .resource = GOTRACE_RESOURCE_GOROUTINE,
				      .of_current = true },
	[EV_GC_MARK_ASSIST_END] = { .kind = GOTRACE_RANGE_END,
				    .resource = GOTRACE_RESOURCE_GOROUTINE,
				    .of_current = true },
	[EV_HEAP_ALLOC] = { .kind = GOTRACE_METRIC },
	[EV_HEAP_GOAL] = { .kind = GOTRACE_METRIC },
	[EV_GO_LABEL] = { .kind = GOTRACE_LABEL,
			  .resource = GOTRACE_RESOURCE_GOROUTINE,
			  .of_current = true },
	[EV_USER_TASK_BEGIN] = { .kind = GOTRACE_TASK_BEGIN },
	[EV_USER_TASK_END] = { .kind = GOTRACE_TASK_END },
	[EV_USER_REGION_BEGIN] = { .kind = GOTRACE_REGION_BEGIN },
	[EV_USER_REGION_END] = { .kind = GOTRACE_REGION_END },
	[EV_USER_LOG] = { .kind = GOTRACE_LOG },
	[EV_SPAN] = { .kind = GOTRACE_EXPERIMENTAL },
	[EV_SPAN_ALLOC] = { .kind = GOTRACE_EXPERIMENTAL },
	[EV_SPAN_FREE] = { .kind = GOTRACE_EXPERIMENTAL },
	[EV_HEAP_OBJECT] = { .kind = GOTRACE_EXPERIMENTAL },
	[EV_HEAP_OBJECT_ALLOC] = { .kind = GOTRACE_EXPERIMENTAL },
	[EV_HEAP_OBJECT_FREE] = { .kind = GOTRACE_EXPERIMENTAL },
	[EV_GOROUTINE_STACK] = { .kind = GOTRACE_EXPERIMENTAL },
	[EV_GOROUTINE_STACK_ALLOC] = { .kind = GOTRACE_EXPERIMENTAL },
	[EV_GOROUTINE_STACK_FREE] = { .kind = GOTRACE_EXPERIMENTAL },
};

#define STR(text) ((struct gotrace_str){ .p = (text), .len = sizeof(text) - 1 })

/* --- opening ---------------------------------------------------------------------------------- */

static void error_set(struct gotrace_error *e, int code, const struct diag *d, uint64_t gen)
{
	if (!e)
		return;
	e->code = code;
	e->offset = d->off;
	e->generation = gen;
	snprintf(e->text, sizeof(e->text), "%s", d->text);
}

static int open_failed(int err, const char *what, struct gotrace_error *ret_err)
{
	struct diag d;

	diag_set(&d, err, "%s: %s", what, strerror(-err));
	error_set(ret_err, err, &d, 0);
	return err;
}

/* Takes s over. */
static int open_source(struct source *s, unsigned flags, struct gotrace **ret_t,
		       struct gotrace_error *ret_err)
{
	struct diag d = { .off = DIAG_NO_OFF };
	struct gotrace *t = calloc(1, sizeof(*t));
	int err;

	if (!t) {
		source_done(s);
		return open_failed(-ENOMEM, "cannot open", ret_err);
	}
	err = reader_new(s, flags & GOTRACE_AHEAD, &t->r, &d);
	if (err < 0) {
		error_set(ret_err, err, &d, 0);
		free(t);
		return err;
	}
	t->err.offset = GOTRACE_NO_OFFSET;
	*ret_t = t;
	return 0;
}

static bool flags_ok(unsigned flags)
{
	return !(flags & ~(unsigned)GOTRACE_AHEAD);
}

static int open_fd(int fd, bool owned, unsigned flags, struct gotrace **ret_t,
		   struct gotrace_error *ret_err)
{
	struct source s;
	int err = source_open_fd(&s, fd, owned);

	if (err < 0)
		return open_failed(err, "cannot read", ret_err);
	return open_source(&s, flags, ret_t, ret_err);
}

int gotrace_open_path(const char *path, unsigned flags, struct gotrace **ret_t,
		      struct gotrace_error *ret_err)
{
	int fd;

	if (!path || !ret_t || !flags_ok(flags))
		return open_failed(-EINVAL, "cannot open", ret_err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return open_failed(-errno, "cannot open", ret_err);
	return open_fd(fd, true, flags, ret_t, ret_err);
}

int gotrace_open_fd(int fd, unsigned flags, struct gotrace **ret_t, struct gotrace_error *ret_err)
{
	if (fd < 0 || !ret_t || !flags_ok(flags))
		return open_failed(-EINVAL, "cannot open", ret_err);
	return open_fd(fd, false, flags, ret_t, ret_err);
}

int gotrace_open_mem(const void *p, size_t len, unsigned flags, struct gotrace **ret_t,
		     struct gotrace_error *ret_err)
{
	struct source s;
	int err;

	if ((!p && len) || !ret_t || !flags_ok(flags))
		return open_failed(-EINVAL, "cannot open", ret_err);
	err = source_open_mem(&s, p, len);
	if (err < 0)
		return open_failed(err, "cannot open", ret_err);
	return open_source(&s, flags, ret_t, ret_err);
}

void gotrace_close(struct gotrace *t)
{
	if (!t)
		return;
	reader_free(t->r);
	arena_done(&t->names);
	free(t);
}

/* --- events ----------------------------------------------------------------------------------- */

static inline struct gotrace_str str_of(const struct gen_str *s)
{
	return s->s;
}

static inline int64_t resource_id(const struct meaning *m, const struct order_event *ev)
{
	if (!m->of_current)
		return m->resource == GOTRACE_RESOURCE_NONE ? 0 : (int64_t)ev->args[0];
	return m->resource == GOTRACE_RESOURCE_PROC ? ev->p : ev->g;
}

static inline struct gotrace_resource resource_of(const struct meaning *m,
						  const struct order_event *ev)
{
	return (struct gotrace_resource){ .kind = m->resource, .id = resource_id(m, ev) };
}

static inline void fill_transition(const struct meaning *m, const struct reader_event *e,
				   struct gotrace_transition *t)
{
	const struct order_event *ev = e->ev;

	t->resource = resource_of(m, ev);
	t->from = m->from | m->to ? m->from : ev->from;
	t->to = m->from | m->to ? m->to : ev->to;
	t->reason = str_of(e->str);
	t->stack = m->own_stack ? e->stack : e->other;
}

static void fill_metric(const struct order_event *ev, struct gotrace_metric *m)
{
	m->value = ev->args[0];
	if (ev->type == EV_PROCS_CHANGE)
		m->name = GOTRACE_METRIC_GOMAXPROCS;
	else if (ev->type == EV_HEAP_ALLOC)
		m->name = GOTRACE_METRIC_HEAP;
	else
		m->name = GOTRACE_METRIC_HEAP_GOAL;
}

/* "stop-the-world (why)", made once for a string and generation. */
static int stw_name(struct gotrace *t, struct gen_str *s, struct gotrace_str *ret)
{
	static const char head[] = "stop-the-world (";
	size_t n = sizeof(head) - 1;
	char *p;

	if (!s) {
		*ret = STR("stop-the-world ()");
		return 0;
	}
	if (!s->stw.p) {
		p = arena_alloc(&t->names, n + s->s.len + 2);
		if (!p)
			return -ENOMEM;
		memcpy(p, head, n);
		memcpy(p + n, s->s.p, s->s.len);
		memcpy(p + n + s->s.len, ")", 2);
		s->stw = (struct gotrace_str){ .p = p, .len = n + s->s.len + 1 };
	}
	*ret = s->stw;
	return 0;
}

static int fill_range(struct gotrace *t, const struct meaning *m, const struct reader_event *e,
		      struct gotrace_range *r)
{
	const struct order_event *ev = e->ev;

	r->scope = resource_of(m, ev);
	r->has_sweep = ev->type == EV_GC_SWEEP_END;
	r->swept_bytes = r->has_sweep ? ev->args[0] : 0;
	r->reclaimed_bytes = r->has_sweep ? ev->args[1] : 0;
	switch (ev->type) {
	case EV_STW_BEGIN:
	case EV_STW_END:
		return stw_name(t, e->str, &r->name);
	case EV_GC_ACTIVE:
	case EV_GC_BEGIN:
	case EV_GC_END:
		r->name = STR("GC concurrent mark phase");
		return 0;
	case EV_GC_SWEEP_ACTIVE:
	case EV_GC_SWEEP_BEGIN:
	case EV_GC_SWEEP_END:
		r->name = STR("GC incremental sweep");
		return 0;
	default:
		r->name = STR("GC mark assist");
		return 0;
	}
}

static void fill_task(const struct reader_event *e, struct gotrace_task *t)
{
	const struct order_event *ev = e->ev;
	bool begin = ev->type == EV_USER_TASK_BEGIN;

	t->id = ev->args[0];
	t->parent = begin ? ev->args[1] : ev->args[2];
	t->type = begin ? str_of(e->str) : ev->name;
}

static void fill_experimental(const struct order_event *ev, struct gotrace_experimental *x)
{
	static const char *const names[][3] = {
		{ "id", "npages_value", "kindclass" },
		{ "id", "npages_value", "kindclass" },
		{ "id" },
		{ "id", "type" },
		{ "id", "type" },
		{ "id" },
		{ "id", "order" },
		{ "id", "order" },
		{ "id" },
	};

	x->name = evspec_table[ev->type].name;
	x->experiment = "AllocFree";
	x->nargs = evspec_table[ev->type].nargs;
	for (unsigned i = 0; i < GOTRACE_EXPERIMENTAL_ARGS; i++) {
		x->arg_names[i] = names[ev->type - EV_SPAN][i];
		x->args[i] = i < x->nargs ? ev->args[i] : 0;
	}
}

static void fill_sync(struct gotrace *t, const struct reader_event *e, struct gotrace_event *ev)
{
	arena_reset(&t->names);
	ev->u.sync = (struct gotrace_sync){ .n = e->syncs };
	if (e->gen) {
		ev->u.sync.generation = e->gen->gen;
		ev->u.sync.has_clock = e->gen->has_clock;
		if (e->gen->has_clock)
			ev->u.sync.clock = e->gen->clock;
	}
}

/* 0, or -ENOMEM. */
static __attribute__((noinline)) int fill_event(struct gotrace *t, const struct reader_event *e,
						struct gotrace_event *ev)
{
	const struct order_event *o = e->ev;
	const struct meaning *m = &meanings[o->type];

	switch (m->kind) {
	case GOTRACE_METRIC:
		fill_metric(o, &ev->u.metric);
		break;
	case GOTRACE_LABEL:
		ev->u.label.label = str_of(e->str);
		ev->u.label.resource = resource_of(m, o);
		break;
	case GOTRACE_RANGE_BEGIN:
	case GOTRACE_RANGE_ACTIVE:
	case GOTRACE_RANGE_END:
		return fill_range(t, m, e, &ev->u.range);
	case GOTRACE_TASK_BEGIN:
	case GOTRACE_TASK_END:
		fill_task(e, &ev->u.task);
		break;
	case GOTRACE_REGION_BEGIN:
	case GOTRACE_REGION_END:
		ev->u.region.task = o->args[0];
		ev->u.region.type = str_of(e->str);
		break;
	case GOTRACE_LOG:
		ev->u.log.task = o->args[0];
		ev->u.log.category = str_of(e->str);
		ev->u.log.message = str_of(e->str2);
		break;
	case GOTRACE_EXPERIMENTAL:
		fill_experimental(o, &ev->u.experimental);
		break;
	default:
		break;
	}
	return 0;
}

static __attribute__((cold, noinline)) int next_failed(struct gotrace *t, int err,
						       const struct diag *d)
{
	struct reader_stats st;

	if (!t->err.code) {
		reader_get_stats(t->r, &st);
		error_set(&t->err, err, d, st.gen);
	}
	return t->err.code;
}

/* Any event. */
static __attribute__((noinline)) int next_any(struct gotrace *t, struct gotrace_event *ret_ev)
{
	const struct meaning *m;
	struct reader_event e;
	struct diag d; /* not initialised: that would cost more than the event */
	int rc;

	if (t->err.code)
		return t->err.code;
	rc = reader_next(t->r, &e, &d);
	if (rc <= 0)
		return rc < 0 ? next_failed(t, rc, &d) : 0;
	m = &meanings[e.ev->type];
	ret_ev->kind = m->kind;
	/* Nine of ten events. */
	if (m->kind == GOTRACE_STATE_TRANSITION)
		fill_transition(m, &e, &ret_ev->u.transition);
	else if (m->kind == GOTRACE_SYNC)
		fill_sync(t, &e, ret_ev);
	else if (fill_event(t, &e, ret_ev) < 0)
		return next_failed(t, diag_set(&d, -ENOMEM, "no memory"), &d);
	ret_ev->wire_type = e.ev->type;
	ret_ev->time = e.ev->time_ns;
	ret_ev->goroutine = e.ev->g;
	ret_ev->proc = e.ev->p;
	ret_ev->thread = e.ev->m;
	ret_ev->stack = e.stack;
	t->events++;
	reader_turn(t->r);
	return 1;
}

int gotrace_next(struct gotrace *t, struct gotrace_event *ret_ev)
{
	if (!reader_take(t->r, ret_ev))
		return next_any(t, ret_ev);
	t->events++;
	return 1;
}

const struct gotrace_error *gotrace_get_error(const struct gotrace *t)
{
	return &t->err;
}

void gotrace_get_info(const struct gotrace *t, struct gotrace_info *ret_info)
{
	struct reader_stats st;

	reader_get_stats(t->r, &st);
	*ret_info = (struct gotrace_info){
		.version = reader_get_version(t->r),
		.bytes = st.bytes,
		.generations = st.generations,
		.events = t->events,
		.generation_bytes_max = st.gen_bytes_max,
	};
}

/* --- names ------------------------------------------------------------------------------------ */

static const char *name_of(const char *const *names, size_t cnt, unsigned i)
{
	return i < cnt ? names[i] : "Bad";
}

const char *gotrace_kind_name(unsigned kind)
{
	static const char *const names[] = {
		"Bad",	       "Sync",	      "Metric",	  "Label",	     "StackSample",
		"RangeBegin",  "RangeActive", "RangeEnd", "TaskBegin",	     "TaskEnd",
		"RegionBegin", "RegionEnd",   "Log",	  "StateTransition", "Experimental",
	};

	return name_of(names, ARRAY_LEN(names), kind);
}

const char *gotrace_go_state_name(unsigned state)
{
	static const char *const names[] = { "Undetermined", "NotExist", "Runnable",
					     "Running",	     "Waiting",	 "Syscall" };

	return name_of(names, ARRAY_LEN(names), state);
}

const char *gotrace_proc_state_name(unsigned state)
{
	static const char *const names[] = { "Undetermined", "NotExist", "Running", "Idle" };

	return name_of(names, ARRAY_LEN(names), state);
}

const char *gotrace_resource_kind_name(unsigned kind)
{
	static const char *const names[] = { "None", "Goroutine", "Proc", "Thread" };

	return name_of(names, ARRAY_LEN(names), kind);
}
