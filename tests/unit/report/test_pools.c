#include "scene.h"

static struct pool_place *place_of(struct report *r, uint32_t line)
{
	for (size_t i = 0; i < r->pools.places.cnt; i++) {
		struct pool_place *p = tab_row(&r->pools.places, i);

		if (p->line == line)
			return p;
	}
	return NULL;
}

/* A sender at :20 wakes the receiver at :10; blocked at :20 it is woken by a receiver at :12. */
static void one_channel(void **state)
{
	struct report *r = scene_report();
	struct pool_place *send = place_of(r, 20), *a = place_of(r, 10), *b = place_of(r, 12),
			  *head;

	(void)state;
	assert_non_null(send);
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(send->send_ns, 500);
	assert_int_equal(send->sent, 1);
	assert_int_equal(a->recv_ns, 100);
	assert_int_equal(b->received, 1);
	head = pools_head(&r->pools, send);
	assert_ptr_equal(pools_head(&r->pools, a), head);
	assert_ptr_equal(pools_head(&r->pools, b), head);
	assert_int_equal(head->pool_send, 500);
	assert_int_equal(head->pool_recv, 100);
	assert_int_equal(head->pool_ns, 600);
	report_free(r);
}

/* Receivers that starve until the end never wake: they count, too. */
static void open_waits(void **state)
{
	struct scene s;
	struct report_opts o = scene_opts();
	struct report *r;
	struct pool_place *p;

	(void)state;
	scene_begin(&s, 25, 1000);
	EV(&s, 100, 1000, EV_PROC_STATUS, 0, TRACE_PROC_RUNNING);
	EV(&s, 100, 1001, EV_GO_STATUS, 1, 100, TRACE_GO_RUNNING);
	EV(&s, 100, 1400, EV_GO_BLOCK, text(&s, "chan receive"), 1);
	EV0(&s, 100, 2400, EV_PROC_STOP);
	scene_stacks(&s);
	scene_end(&s);
	r = report_of(&s.out, &o);
	assert_int_equal(r->error.code, 0);
	p = place_of(r, 10);
	assert_non_null(p);
	assert_int_equal(p->recv_ns, 1001);
	assert_int_equal(p->recv_cnt, 1);
	report_free(r);
	buf_done(&s.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_channel),
		cmocka_unit_test(open_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
