#include "wire.h"

#include <errno.h>
#include <stdlib.h>

#include "trace/frontier.h"

/* A generation of many threads with random times comes out sorted, each thread in its order. */
static void merges(void **state)
{
	struct gen g = { 0 };
	struct frontier f = { 0 };
	struct buf w = { 0 };
	struct source s;
	const char *why;
	uint64_t off, x = 3, last[60] = { 0 };
	int64_t now = 0;
	size_t seen = 0;

	(void)state;
	wire_sync(&w, 22, 1);
	for (unsigned b = 0; b < 180; b++) {
		char text[4096];
		size_t n = 0;

		for (unsigned i = 0; i < 40; i++) {
			x = x * 6364136223846793005ULL + 1442695040888963407ULL;
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "HeapAlloc dt=%u heapalloc_value=%u\n",
					      (unsigned)(x >> 60), (b / 60) * 40 + i);
		}
		wire_batch(&w, 1, 100 + b % 60, 1000 + b / 60 * 10000, text);
	}
	assert_int_equal(source_open_mem(&s, w.p, w.len), 0);
	assert_int_equal(gen_load(&g, &s, 22, true, NULL), 1);
	assert_int_equal(frontier_fill(&f, &g, &why, &off), 0);
	assert_int_equal(f.cnt, 60);
	while (f.cnt) {
		size_t i = seen % 97 == 0 && f.cnt > 5 ? 5 : 0; /* sometimes not the first */
		struct frontier_cur *c;

		if (i)
			frontier_sort(&f);
		c = f.heap[i].cur;
		if (!i)
			assert_true(c->c.ev->time_ns >= now || seen);
		assert_int_equal(c->c.ev->time_ns, f.heap[i].time_ns);
		assert_int_equal(c->c.ev->args[0], last[c->m - 100]++);
		assert_int_equal(w.p[frontier_off(c)], EV_HEAP_ALLOC);
		for (size_t k = 1; k < f.cnt; k++) /* F1 */
			assert_true(f.heap[k].time_ns >= f.heap[(k - 1) / 2].time_ns);
		now = c->c.ev->time_ns;
		assert_int_equal(frontier_step(&f, &g, i, &why), 0);
		seen++;
	}
	assert_int_equal(seen, 180 * 40);
	frontier_done(&f);
	gen_done(&g);
	source_done(&s);
	buf_done(&w);
}

static void damaged(void **state)
{
	struct gen g = { 0 };
	struct frontier f = { 0 };
	struct buf w = { 0 };
	struct source s;
	const char *why;
	uint64_t off;

	(void)state;
	wire_sync(&w, 22, 1);
	wire_batch(&w, 1, 7, 10, "ProcStop dt=1\nProcStop dt=1");
	w.p[w.len - 2] = 200;
	assert_int_equal(source_open_mem(&s, w.p, w.len), 0);
	assert_int_equal(gen_load(&g, &s, 22, true, NULL), 1);
	assert_int_equal(frontier_fill(&f, &g, &why, &off), 0);
	assert_int_equal(frontier_step(&f, &g, 0, &why), -EBADMSG);
	assert_int_equal(frontier_bad_off(f.heap[0].cur), w.len - 2);
	w.p[w.len - 4] = 200;
	assert_int_equal(frontier_fill(&f, &g, &why, &off), -EBADMSG);
	assert_int_equal(off, w.len - 4);
	frontier_done(&f);
	gen_done(&g);
	source_done(&s);
	buf_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(merges), cmocka_unit_test(damaged) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
