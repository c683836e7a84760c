#include "wire.h"

#include <stdlib.h>

#include "include/gotrace.h"
#include "trace/readerstate.h"

static uint64_t next_random(uint64_t *x)
{
	*x = *x * 6364136223846793005ULL + 1442695040888963407ULL;
	return *x >> 33;
}

/* What one thread does for a while: goroutine g and P p; other waits for it. */
static void work(struct buf *w, uint64_t *x, unsigned m, unsigned base)
{
	unsigned g = m, child = base + m * 1000, gseq = 0, pseq = 0;
	struct buf t = {0};

	buf_printf(&t, "ProcStatus dt=1 p=%u pstatus=1\nGoStatus dt=1 g=%u m=%u gstatus=2\n", m, g,
		   m);
	for (unsigned i = 0; i < 200; i++) {
		unsigned dt = (unsigned)next_random(x) % 5;

		switch (next_random(x) % 5) {
		case 0:
			buf_printf(&t,
				   "GoSyscallBegin dt=%u p_seq=%u stack=2\nGoSyscallEnd dt=%u\n",
				   dt, ++pseq, dt);
			break;
		case 1:
			buf_printf(&t,
				   "GoStop dt=%u reason_string=1 stack=1\nGoStart dt=%u g=%u "
				   "g_seq=%u\n",
				   dt, dt, g, ++gseq);
			break;
		case 2:
			buf_printf(
				&t,
				"GoCreate dt=%u new_g=%u new_stack=2 stack=1\nGoBlock dt=0 "
				"reason_string=2 "
				"stack=1\nGoStart dt=1 g=%u g_seq=1\nGoUnblock dt=%u g=%u g_seq=%u "
				"stack=0\nGoDestroy dt=2\nGoStart dt=1 g=%u g_seq=%u\n",
				dt, child, child, dt, g, gseq + 1, g, gseq + 2);
			gseq += 2;
			child++;
			break;
		case 3:
			buf_printf(&t, "HeapAlloc dt=%u heapalloc_value=%u\n", dt, i);
			break;
		default:
			buf_printf(&t, "ProcStop dt=%u\nProcStart dt=%u p=%u p_seq=%u\n", dt, dt, m,
				   ++pseq);
			break;
		}
		if (i % 100 == 99) { /* a batch of more than a block */
			buf_u8(&t, 0);
			wire_batch(w, base, m, 100 + i * 10, (const char *)t.p);
			buf_reset(&t);
		}
	}
	buf_done(&t);
}

static void make(struct buf *w)
{
	uint64_t x = 5;

	wire_head(w, 22);
	for (unsigned gen = 1; gen < 3; gen++) {
		wire_sync(w, 22, gen);
		wire_batch(w, gen, UINT64_MAX, 1,
			   "Strings\nString id=1\ndata=\"one\"\nString id=2\ndata=\"two\"");
		wire_batch(w, gen, UINT64_MAX, 1,
			   "Stacks\nStack id=1 nframes=0\nStack id=2 nframes=0");
		wire_batch(w, gen, UINT64_MAX, 1,
			   "CPUSamples\nCPUSample time=150 m=2 p=2 g=2 stack=1\nCPUSample time=301 "
			   "m=3 "
			   "p=3 g=3 stack=2");
		for (unsigned m = 1; m < 5; m++)
			work(w, &x, m, gen);
	}
}

/* Both ways over the same bytes. Events that came. */
static size_t same(const struct buf *w)
{
	struct gotrace *t = NULL;
	struct reader *r = NULL;
	struct reader_event e;
	struct gotrace_event ev;
	struct gotrace_error err;
	struct source s;
	struct diag d = {.off = DIAG_NO_OFF};
	size_t n = 0;
	int a, b;

	assert_int_equal(source_open_mem(&s, w->p, w->len), 0);
	a = reader_new(&s, false, &r, &d);
	b = gotrace_open_mem(w->p, w->len, 0, &t, &err);
	assert_int_equal(a, b);
	if (a < 0)
		return 0;
	do {
		a = reader_next(r, &e, &d);
		b = gotrace_next(t, &ev);
		assert_int_equal(a, b);
		if (a <= 0)
			break;
		n++;
		assert_int_equal(ev.wire_type, e.ev->type);
		assert_int_equal(ev.time, e.ev->time_ns);
		assert_int_equal(ev.thread, e.ev->m);
		assert_int_equal(ev.proc, e.ev->p);
		assert_int_equal(ev.goroutine, e.ev->g);
		assert_int_equal(!ev.stack, !e.stack);
		if (ev.stack)
			assert_int_equal(ev.stack->id, e.stack->id);
		if (ev.kind == GOTRACE_STATE_TRANSITION)
			assert_string_equal(ev.u.transition.reason.p, e.str->s.p);
	} while (true);
	if (a < 0) {
		assert_int_equal(gotrace_get_error(t)->offset, d.off);
		assert_string_equal(gotrace_get_error(t)->text, d.text);
	}
	gotrace_close(t);
	reader_free(r);
	return n;
}

static void whole(void **state)
{
	struct buf w = {0};
	struct gotrace *t = NULL;
	struct gotrace_event ev;
	int rc;

	(void)state;
	make(&w);
	assert_true(same(&w) > 2500);
	assert_int_equal(gotrace_open_mem(w.p, w.len, 0, &t, NULL), 0);
	while ((rc = gotrace_next(t, &ev)) > 0)
		;
	assert_int_equal(rc, 0);
	gotrace_close(t);
	buf_done(&w);
}

/* W3: the short way gives up before it does harm, whatever the bytes are. */
static void damaged(void **state)
{
	struct buf w = {0};
	uint64_t x = 9;

	(void)state;
	make(&w);
	for (int i = 0; i < 2000; i++) {
		size_t at = 16 + next_random(&x) % (w.len - 16);
		uint8_t old = w.p[at];

		w.p[at] = (uint8_t)(i % 2 ? old ^ (1u << next_random(&x) % 8) : next_random(&x));
		same(&w);
		w.p[at] = old;
	}
	buf_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(whole), cmocka_unit_test(damaged)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
