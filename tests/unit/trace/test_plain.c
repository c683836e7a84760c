#include "wire.h"

#include <stdlib.h>

#include "trace/frontier.h"
#include "trace/orderstate.h"
#include "trace/plain.h"

/* L1, L2: what is found and what is not. */
static void prepares(void **state)
{
	struct order *o = order_new();
	struct order_g *g = order_g_add(o, 1, TRACE_GO_WAITING, 1);
	struct frontier f = {0};
	struct gen gen = {0};
	struct buf w = {0};
	struct source s;
	struct cursor_event *ev;
	const char *why;
	uint64_t off;

	(void)state;
	wire_sync(&w, 22, 1);
	wire_batch(&w, 1, UINT64_MAX, 1, "Strings\nString id=5\ndata=\"why\"");
	wire_batch(&w, 1, UINT64_MAX, 1, "Stacks\nStack id=6 nframes=0\nStack id=7 nframes=0");
	wire_batch(&w, 1, 7, 10,
		   "GoBlock dt=1 reason_string=5 stack=6\nGoBlock dt=1 reason_string=4 stack=6\n"
		   "GoBlock dt=1 reason_string=0 stack=8\nGoCreate dt=1 new_g=2 new_stack=6 "
		   "stack=7\nGoCreate dt=1 new_g=2 new_stack=8 stack=7\nGoUnblock dt=1 g=1 g_seq=1 "
		   "stack=0\nGoStart dt=1 g=2 g_seq=1\nHeapAlloc dt=1 heapalloc_value=1\n"
		   "ProcStop dt=1");
	assert_int_equal(source_open_mem(&s, w.p, w.len), 0);
	assert_int_equal(gen_load(&gen, &s, 22, true, NULL), 1);
	assert_int_equal(frontier_fill(&f, &gen, &why, &off), 0);
	assert_false(f.heap[0].cur->c.plain);
	plain_prepare(&f.heap[0].cur->c, &gen, o);
	assert_true(f.heap[0].cur->c.plain);
	ev = f.heap[0].cur->c.ev;
	assert_int_equal(ev[0].plain, PLAIN | PLAIN_OF_CURRENT);
	assert_int_equal(ev[0].from, GOTRACE_GO_RUNNING);
	assert_int_equal(ev[0].to, GOTRACE_GO_WAITING);
	assert_string_equal(ev[0].reason->s.p, "why");
	assert_int_equal(ev[0].stack->id, 6);
	assert_ptr_equal(ev[0].own, ev[0].stack);
	assert_int_equal(ev[1].plain, 0); /* no such string */
	assert_int_equal(ev[2].plain, 0); /* no such stack */
	assert_int_equal(ev[3].plain, PLAIN);
	assert_int_equal(ev[3].stack->id, 7);
	assert_int_equal(ev[3].own->id, 6);
	assert_string_equal(ev[3].reason->s.p, "");
	assert_int_equal(ev[4].plain, 0);
	assert_ptr_equal(ev[5].g, g);
	assert_null(ev[5].stack);
	assert_null(ev[6].g); /* not yet */
	assert_int_equal(ev[7].plain, 0);
	assert_int_equal(ev[8].plain, PLAIN | PLAIN_OF_CURRENT | PLAIN_PROC);
	assert_int_equal(ev[8].to, GOTRACE_PROC_IDLE);
	frontier_done(&f);
	gen_done(&gen);
	source_done(&s);
	buf_done(&w);
	order_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(prepares)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
