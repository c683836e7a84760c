#include "wire.h"

#include <stdlib.h>

#include "trace/orderplain.h"

/* A running goroutine 1 on P 0 of thread 7; goroutine 2 waits. */
struct scene {
	struct order *o;
	struct order_m *m;
	struct order_g *one, *two;
	struct order_p *p;
};

static struct scene scene_new(void)
{
	struct scene s = {.o = order_new()};

	s.m = order_m_get(s.o, 7);
	s.one = order_g_add(s.o, 1, TRACE_GO_RUNNING, 4);
	s.two = order_g_add(s.o, 2, TRACE_GO_WAITING, 4);
	s.p = order_p_add(s.o, 0, TRACE_PROC_RUNNING, 4);
	m_set_g(s.m, s.one);
	m_set_p(s.m, s.p);
	return s;
}

static bool take(const struct scene *s, uint8_t type, uint64_t a, uint64_t b, struct order_g *g)
{
	struct cursor_event ev = {.type = type, .args = {a, b}};

	return order_plain(s->o, 4, s->m, &ev, g);
}

static void life(void **state)
{
	struct scene s = scene_new();

	(void)state;
	assert_true(take(&s, EV_GO_SYSCALL_BEGIN, 1, 0, NULL));
	assert_int_equal(s.one->status, TRACE_GO_SYSCALL);
	assert_int_equal(s.p->status, TRACE_PROC_SYSCALL);
	assert_int_equal(s.p->seq, 1);
	assert_true(take(&s, EV_GO_SYSCALL_END, 0, 0, NULL));
	assert_int_equal(s.p->status, TRACE_PROC_RUNNING);
	assert_true(take(&s, EV_GO_UNBLOCK, 2, 1, s.two));
	assert_int_equal(s.two->status, TRACE_GO_RUNNABLE);
	assert_true(take(&s, EV_GO_BLOCK, 0, 0, NULL));
	assert_int_equal(s.one->status, TRACE_GO_WAITING);
	assert_int_equal(s.m->g_id, TRACE_NO_G);
	assert_true(take(&s, EV_GO_START, 2, 2, NULL)); /* not looked up before */
	assert_ptr_equal(s.m->g, s.two);
	assert_true(take(&s, EV_GO_CREATE, 3, 0, NULL));
	assert_true(take(&s, EV_GO_CREATE_BLOCKED, 4, 0, NULL));
	assert_int_equal(find_g(s.o, 4)->status, TRACE_GO_WAITING);
	assert_true(take(&s, EV_GO_STOP, 0, 0, NULL));
	assert_int_equal(s.two->status, TRACE_GO_RUNNABLE);
	assert_true(take(&s, EV_GO_START, 3, 1, NULL));
	assert_true(take(&s, EV_GO_DESTROY, 0, 0, NULL));
	assert_null(find_g(s.o, 3));
	assert_true(take(&s, EV_PROC_STOP, 0, 0, NULL));
	assert_int_equal(s.m->p_id, UINT64_MAX);
	assert_true(take(&s, EV_PROC_START, 0, 2, NULL));
	assert_ptr_equal(s.m->p, s.p);
	order_free(s.o);
}

/* L2: the goroutine looked up before is another one by now. */
static void another(void **state)
{
	struct scene s = scene_new();
	struct order_g *old = s.two;

	(void)state;
	order_g_del(s.o, s.two);
	assert_false(take(&s, EV_GO_UNBLOCK, 2, 1, old));
	assert_ptr_equal(order_g_add(s.o, 9, TRACE_GO_WAITING, 4), old);
	assert_false(take(&s, EV_GO_UNBLOCK, 2, 1, old));
	assert_int_equal(old->status, TRACE_GO_WAITING);
	s.two = order_g_add(s.o, 2, TRACE_GO_WAITING, 4);
	assert_true(take(&s, EV_GO_UNBLOCK, 2, 1, old));
	assert_int_equal(s.two->status, TRACE_GO_RUNNABLE);
	order_free(s.o);
}

/* What must wait or may not come changes nothing. */
static void refused(void **state)
{
	static const struct {
		uint8_t type;
		uint64_t a, b;
	} cases[] = {
		{EV_GO_START, 2, 1},	     /* it waits; and another one runs here */
		{EV_GO_START, 5, 1},	     /* unknown */
		{EV_GO_UNBLOCK, 1, 1},	     /* it runs */
		{EV_GO_UNBLOCK, 2, 2},	     /* O3 */
		{EV_GO_SYSCALL_BEGIN, 2, 0}, /* O3 */
		{EV_GO_SYSCALL_END, 0, 0},   /* in none */
		{EV_GO_CREATE, 2, 0},	     /* is there */
		{EV_GO_CREATE, TRACE_NO_G, 0}, {EV_PROC_START, 0, 1}, /* has one */
		{EV_GO_STATUS, 2, 7},				      /* no kind of these */
		{EV_HEAP_ALLOC, 1, 0},
	};
	struct scene s = scene_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (take(&s, cases[i].type, cases[i].a, cases[i].b, NULL))
			fail_msg("case %zu was taken", i);
		assert_int_equal(s.one->status, TRACE_GO_RUNNING);
		assert_int_equal(s.two->status, TRACE_GO_WAITING);
		assert_int_equal(s.one->seq + s.two->seq + s.p->seq, 0);
		assert_int_equal(s.p->status, TRACE_PROC_RUNNING);
		assert_ptr_equal(s.m->g, s.one);
		assert_ptr_equal(s.m->p, s.p);
		assert_int_equal(s.o->gs.cnt, 2);
	}
	m_set_p(s.m, NULL); /* without a P nothing of these but GoUnblock */
	assert_false(take(&s, EV_GO_BLOCK, 0, 0, NULL));
	assert_false(take(&s, EV_GO_DESTROY, 0, 0, NULL));
	assert_false(take(&s, EV_GO_CREATE, 3, 0, NULL));
	assert_false(take(&s, EV_PROC_STOP, 0, 0, NULL));
	assert_true(take(&s, EV_GO_UNBLOCK, 2, 1, NULL));
	order_free(s.o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life),
		cmocka_unit_test(another),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
