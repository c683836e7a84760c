#include "wire.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "include/gotrace.h"

static const char tables[] =
	"Strings\nString id=1\ndata=\"sync\"\nString id=2\ndata=\"GC mark termination\"\n"
	"String id=3\ndata=\"main.main\"";
static const char stacks[] = "Stacks\nStack id=1 nframes=1\npc=9 func=3 file=0 line=4\n"
			     "Stack id=2 nframes=1\npc=8 func=3 file=0 line=1";

static void trace_of(struct buf *w, const char *events)
{
	char text[2048];

	snprintf(text, sizeof(text), RUNNING "%s", events);
	wire_head(w, 26);
	wire_sync(w, 26, 1);
	wire_batch(w, 1, UINT64_MAX, 1, tables);
	wire_batch(w, 1, UINT64_MAX, 1, stacks);
	wire_batch(w, 1, 7, 100, text);
	wire_end(w, 26);
}

/* The event behind SYNC and the two of RUNNING, n more on. */
static struct gotrace *at(const struct buf *w, int n, struct gotrace_event *ev)
{
	struct gotrace *t = NULL;

	assert_int_equal(gotrace_open_mem(w->p, w->len, 0, &t, NULL), 0);
	for (int i = 0; i < n + 4; i++)
		assert_int_equal(gotrace_next(t, ev), 1);
	return t;
}

static void transitions(void **state)
{
	struct gotrace_event ev;
	struct buf w = { 0 };
	struct gotrace *t;

	(void)state;
	trace_of(&w, "GoCreate dt=1 new_g=2 new_stack=2 stack=1\nGoBlock dt=1 reason_string=1 "
		     "stack=1\nProcStop dt=1");
	t = at(&w, 0, &ev);
	assert_int_equal(ev.kind, GOTRACE_STATE_TRANSITION);
	assert_int_equal(ev.goroutine, 1);
	assert_int_equal(ev.proc, 0);
	assert_int_equal(ev.thread, 7);
	assert_int_equal(ev.time, 103);
	assert_int_equal(ev.u.transition.resource.id, 2);
	assert_int_equal(ev.u.transition.from, GOTRACE_GO_NOT_EXIST);
	assert_int_equal(ev.u.transition.to, GOTRACE_GO_RUNNABLE);
	assert_int_equal(ev.stack->id, 1);
	assert_int_equal(ev.u.transition.stack->id, 2); /* where it starts */
	assert_string_equal(ev.stack->frames[0]->func.p, "main.main");
	assert_int_equal(gotrace_next(t, &ev), 1);
	assert_int_equal(ev.u.transition.resource.id, 1);
	assert_int_equal(ev.u.transition.to, GOTRACE_GO_WAITING);
	assert_string_equal(ev.u.transition.reason.p, "sync");
	assert_int_equal(ev.u.transition.stack->id, 1);
	assert_int_equal(gotrace_next(t, &ev), 1);
	assert_int_equal(ev.u.transition.resource.kind, GOTRACE_RESOURCE_PROC);
	assert_int_equal(ev.u.transition.from, GOTRACE_PROC_RUNNING);
	assert_int_equal(ev.u.transition.to, GOTRACE_PROC_IDLE);
	assert_int_equal(ev.goroutine, GOTRACE_NO_GOROUTINE);
	assert_string_equal(ev.u.transition.reason.p, "");
	gotrace_close(t);
	buf_done(&w);
}

static void others(void **state)
{
	struct gotrace_event ev;
	struct buf w = { 0 };
	struct gotrace *t;

	(void)state;
	trace_of(&w, "STWBegin dt=1 kind_string=2 stack=1\nSTWEnd dt=1\nGCSweepBegin dt=1 stack=0\n"
		     "GCSweepEnd dt=1 swept_value=5 reclaimed_value=6\nHeapAlloc dt=1 "
		     "heapalloc_value=7\n"
		     "GoLabel dt=1 label_string=1\nUserTaskBegin dt=1 task=4 parent_task=0 "
		     "name_string=1 stack=0\n"
		     "UserTaskEnd dt=1 task=4 stack=0\nUserLog dt=1 task=0 key_string=1 "
		     "value_string=3 stack=0\n"
		     "SpanAlloc dt=1 id=1 npages_value=2 kindclass=3");
	t = at(&w, 0, &ev);
	assert_int_equal(ev.kind, GOTRACE_RANGE_BEGIN);
	assert_string_equal(ev.u.range.name.p, "stop-the-world (GC mark termination)");
	assert_int_equal(ev.u.range.scope.id, 1);
	gotrace_next(t, &ev);
	assert_int_equal(ev.kind, GOTRACE_RANGE_END);
	assert_string_equal(ev.u.range.name.p, "stop-the-world (GC mark termination)");
	gotrace_next(t, &ev);
	gotrace_next(t, &ev);
	assert_true(ev.u.range.has_sweep);
	assert_int_equal(ev.u.range.swept_bytes, 5);
	assert_int_equal(ev.u.range.reclaimed_bytes, 6);
	assert_int_equal(ev.u.range.scope.kind, GOTRACE_RESOURCE_PROC);
	gotrace_next(t, &ev);
	assert_string_equal(ev.u.metric.name, "/memory/classes/heap/objects:bytes");
	assert_int_equal(ev.u.metric.value, 7);
	gotrace_next(t, &ev);
	assert_string_equal(ev.u.label.label.p, "sync");
	assert_int_equal(ev.u.label.resource.id, 1);
	gotrace_next(t, &ev);
	assert_int_equal(ev.u.task.parent, GOTRACE_NO_TASK);
	gotrace_next(t, &ev);
	assert_int_equal(ev.kind, GOTRACE_TASK_END);
	assert_string_equal(ev.u.task.type.p, "sync");
	gotrace_next(t, &ev);
	assert_string_equal(ev.u.log.category.p, "sync");
	assert_string_equal(ev.u.log.message.p, "main.main");
	gotrace_next(t, &ev);
	assert_string_equal(ev.u.experimental.name, "SpanAlloc");
	assert_string_equal(ev.u.experimental.arg_names[2], "kindclass");
	assert_int_equal(ev.u.experimental.args[2], 3);
	assert_int_equal(gotrace_next(t, &ev), 1);
	assert_int_equal(ev.kind, GOTRACE_SYNC); /* G2 */
	assert_int_equal(ev.u.sync.generation, 0);
	assert_int_equal(gotrace_next(t, &ev), 0);
	gotrace_close(t);
	buf_done(&w);
}

static void syncs_info(void **state)
{
	struct gotrace_event ev;
	struct gotrace_info info;
	struct buf w = { 0 };
	struct gotrace *t;

	(void)state;
	trace_of(&w, "HeapAlloc dt=1 heapalloc_value=7");
	assert_int_equal(gotrace_open_mem(w.p, w.len, GOTRACE_AHEAD, &t, NULL), 0);
	assert_int_equal(gotrace_next(t, &ev), 1);
	assert_int_equal(ev.kind, GOTRACE_SYNC);
	assert_int_equal(ev.u.sync.n, 1);
	assert_int_equal(ev.u.sync.generation, 1);
	assert_true(ev.u.sync.has_clock);
	assert_int_equal(ev.u.sync.clock.mono_ns, 77);
	while (gotrace_next(t, &ev) > 0)
		;
	gotrace_get_info(t, &info);
	assert_int_equal(info.version, 26);
	assert_int_equal(info.events, 5);
	assert_int_equal(info.generations, 1);
	assert_int_equal(info.bytes, w.len);
	assert_int_equal(gotrace_get_error(t)->code, 0);
	gotrace_close(t);
	gotrace_close(NULL);
	buf_done(&w);
}

static void errors(void **state)
{
	struct gotrace_error err;
	struct gotrace_event ev;
	struct buf w = { 0 };
	struct gotrace *t;

	(void)state;
	assert_int_equal(gotrace_open_path("/does/not/exist", 0, &t, &err), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_true(err.offset == GOTRACE_NO_OFFSET);
	assert_int_equal(gotrace_open_path(NULL, 0, &t, NULL), -EINVAL);
	assert_int_equal(gotrace_open_mem("", 0, 64, &t, NULL), -EINVAL);
	assert_int_equal(gotrace_open_mem("", 0, 0, &t, &err), -EBADMSG);
	assert_int_equal(gotrace_open_fd(-1, 0, &t, &err), -EINVAL);
	trace_of(&w, "GoStart dt=1 g=9 g_seq=1");
	t = at(&w, -1, &ev);
	assert_int_equal(gotrace_next(t, &ev), -EBADMSG);
	assert_int_equal(gotrace_next(t, &ev), -EBADMSG); /* G5 */
	assert_int_equal(gotrace_get_error(t)->generation, 1);
	assert_int_equal(gotrace_get_error(t)->offset, w.len - 5);
	assert_non_null(strstr(gotrace_get_error(t)->text, "goroutine 9 is unknown"));
	gotrace_close(t);
	buf_done(&w);
}

static void descriptors(void **state)
{
	struct gotrace_event ev;
	struct buf w = { 0 };
	struct gotrace *t;
	int fds[2], n = 0;

	(void)state;
	trace_of(&w, "HeapAlloc dt=1 heapalloc_value=7");
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], w.p, w.len), (ssize_t)w.len);
	close(fds[1]);
	assert_int_equal(gotrace_open_fd(fds[0], 0, &t, NULL), 0);
	while (gotrace_next(t, &ev) > 0)
		n++;
	assert_int_equal(n, 5);
	gotrace_close(t);
	assert_int_equal(close(fds[0]), 0); /* borrowed */
	buf_done(&w);
}

static void names(void **state)
{
	(void)state;
	for (unsigned i = 1; i < GOTRACE_KIND_COUNT; i++)
		assert_string_not_equal(gotrace_kind_name(i), "Bad");
	assert_string_equal(gotrace_kind_name(GOTRACE_EXPERIMENTAL), "Experimental");
	assert_string_equal(gotrace_kind_name(GOTRACE_KIND_COUNT), "Bad");
	assert_string_equal(gotrace_go_state_name(GOTRACE_GO_SYSCALL), "Syscall");
	assert_string_equal(gotrace_go_state_name(GOTRACE_GO_STATE_COUNT), "Bad");
	assert_string_equal(gotrace_proc_state_name(GOTRACE_PROC_IDLE), "Idle");
	assert_string_equal(gotrace_resource_kind_name(GOTRACE_RESOURCE_THREAD), "Thread");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transitions), cmocka_unit_test(others),
		cmocka_unit_test(syncs_info),  cmocka_unit_test(errors),
		cmocka_unit_test(descriptors), cmocka_unit_test(names)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
