#include "wire.h"

#include <errno.h>
#include <unistd.h>

#include "trace/ahead.h"

static void many(struct buf *w, uint64_t n)
{
	for (uint64_t i = 1; i <= n; i++) {
		wire_sync(w, 26, i);
		wire_batch(w, i, 7, 50, "ProcStop dt=1");
		wire_end(w, 26);
	}
}

/* The same generations as without, the given one good until the next is asked for. */
static void same(void **state)
{
	struct buf w = { 0 };
	struct source s;
	struct ahead *a;
	struct gen *g;
	struct diag d;

	(void)state;
	many(&w, 200);
	assert_int_equal(source_open_mem(&s, w.p, w.len), 0);
	assert_int_equal(ahead_new(&s, 26, &a, &d), 0);
	for (uint64_t i = 1; i <= 200; i++) {
		assert_int_equal(ahead_get(a, &g, &d), 1);
		if (i % 50 == 0)
			usleep(2000); /* the thread is ahead now */
		assert_int_equal(g->gen, i);
		assert_int_equal(g->thread_cnt, 1);
	}
	assert_int_equal(ahead_get(a, &g, &d), 0);
	assert_int_equal(ahead_get(a, &g, &d), 0);
	ahead_free(a);
	source_done(&s);
	buf_done(&w);
}

static void early_and_error(void **state)
{
	struct buf w = { 0 };
	struct source s;
	struct ahead *a;
	struct gen *g;
	struct diag d;

	(void)state;
	many(&w, 3);
	for (int n = 0; n < 4; n++) { /* given up after n */
		assert_int_equal(source_open_mem(&s, w.p, w.len - 1), 0);
		assert_int_equal(ahead_new(&s, 26, &a, &d), 0);
		for (int i = 0; i < n; i++)
			assert_int_equal(ahead_get(a, &g, &d), i < 2 ? 1 : -EBADMSG);
		if (n == 3) {
			assert_non_null(strstr(d.text, "truncated"));
			assert_int_equal(ahead_get(a, &g, &d), -EBADMSG);
		}
		ahead_free(a);
		source_done(&s);
	}
	ahead_free(NULL);
	buf_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same),
					    cmocka_unit_test(early_and_error) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
