/*
 * test_rings.c - the merge against a writer that claims, dawdles and commits out of order.
 *
 * The writer does in plain memory what bpf/emit.bpf.h does in BPF: claim room by compare-and-swap,
 * take the time, fill, commit seq last (record.h R2, R3, R4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "capture/rings.h"

enum { CPUS = 3, RING = 16 * 1024, ROOM = RING + REC_MAX_LEN };

struct bench {
	struct ring_ctl ctl[CPUS];
	_Alignas(8) uint8_t data[CPUS][ROOM];
	uint64_t lost_total;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Room for len bytes on cpu; its position, or UINT64_MAX when the ring is full. */
static uint64_t claim(struct bench *b, unsigned cpu, size_t len)
{
	struct ring_ctl *c = &b->ctl[cpu];
	uint64_t head = __atomic_load_n(&c->head, __ATOMIC_RELAXED);

	do {
		if (head + len - __atomic_load_n(&c->tail, __ATOMIC_ACQUIRE) > RING) {
			__atomic_fetch_add(&c->lost, 1, __ATOMIC_RELAXED);
			return UINT64_MAX;
		}
	} while (!__atomic_compare_exchange_n(&c->head, &head, head + len, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return head;
}

static struct rec *fill(struct bench *b, unsigned cpu, uint64_t pos, size_t len, uint64_t ts,
			uint64_t x)
{
	struct rec *r = (struct rec *)(b->data[cpu] + (pos & (RING - 1)));

	r->len = (uint16_t)len;
	r->hook = HOOK_PARK;
	r->npc = 0;
	r->ts = ts;
	r->lost = (uint32_t)b->ctl[cpu].lost;
	r->x = x;
	return r;
}

static void commit(struct rec *r, uint64_t pos)
{
	__atomic_store_n(&r->seq, (uint32_t)(pos >> 3) + 1, __ATOMIC_RELEASE);
}

static void put(struct bench *b, unsigned cpu, uint64_t ts, uint64_t x)
{
	uint64_t pos = claim(b, cpu, sizeof(struct rec));

	assert_true(pos != UINT64_MAX);
	commit(fill(b, cpu, pos, sizeof(struct rec), ts, x), pos);
}

static struct bench *bench_new(struct rings **r)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	*r = rings_new(b->ctl, b->data[0], ROOM, RING - 1, CPUS);
	assert_non_null(*r);
	return b;
}

static void bench_free(struct bench *b, struct rings *r)
{
	rings_free(r);
	free(b);
}

static uint64_t next_x(struct rings *r)
{
	struct rings_loss loss;
	const struct rec *rec = rings_next(r, &loss);

	return rec ? rec->x : UINT64_MAX;
}

static void test_order_over_rings(void **state)
{
	struct rings *r;
	struct bench *b = bench_new(&r);

	(void)state;
	put(b, 2, 30, 3);
	put(b, 0, 10, 1);
	put(b, 1, 20, 2);
	put(b, 0, 40, 4);
	assert_int_equal(rings_scan(r, 100, false, NULL), 0);
	for (uint64_t x = 1; x <= 4; x++)
		assert_int_equal(next_x(r), x);
	assert_true(next_x(r) == UINT64_MAX);
	bench_free(b, r);
}

/* N2: what is claimed and not committed holds back what is later, in all rings. */
static void test_uncommitted_holds_back(void **state)
{
	struct rings *r;
	struct bench *b = bench_new(&r);
	struct rec *slow;
	uint64_t pos;

	(void)state;
	put(b, 0, 10, 1);
	assert_int_equal(rings_scan(r, 15, false, NULL), 0);
	pos = claim(b, 1, sizeof(*slow));
	slow = fill(b, 1, pos, sizeof(*slow), 20, 2);
	put(b, 0, 30, 3);
	assert_int_equal(rings_scan(r, 50, false, NULL), 0);
	assert_int_equal(next_x(r), 1);
	assert_true(next_x(r) == UINT64_MAX); /* 3 is there, but 2 may come */
	commit(slow, pos);
	assert_int_equal(rings_scan(r, 60, false, NULL), 0);
	assert_int_equal(next_x(r), 2);
	assert_int_equal(next_x(r), 3);
	bench_free(b, r);
}

/* N4: a preemption between claim and clock. */
static void test_times_out_of_order_in_a_ring(void **state)
{
	struct rings *r;
	struct bench *b = bench_new(&r);

	(void)state;
	put(b, 0, 30, 3);
	put(b, 0, 10, 1);
	put(b, 0, 20, 2);
	put(b, 1, 15, 15);
	assert_int_equal(rings_scan(r, 100, false, NULL), 0);
	assert_int_equal(next_x(r), 1);
	assert_int_equal(next_x(r), 15);
	assert_int_equal(next_x(r), 2);
	assert_int_equal(next_x(r), 3);
	bench_free(b, r);
}

/* Losses are told just before the first record behind them, with their ring. */
static void test_losses_in_place(void **state)
{
	struct rings *r;
	struct bench *b = bench_new(&r);
	struct rings_sums sums;
	struct rings_loss loss;
	const struct rec *rec;
	unsigned fits = RING / sizeof(struct rec);

	(void)state;
	for (unsigned i = 0; i < fits; i++)
		put(b, 1, 10 + i, i);
	for (unsigned i = 0; i < 7; i++)
		assert_true(claim(b, 1, sizeof(struct rec)) == UINT64_MAX);
	assert_int_equal(rings_fill(r), fits * sizeof(struct rec));
	assert_int_equal(rings_scan(r, 100000, false, NULL), 0);
	for (unsigned i = 0; i < fits; i++) {
		rec = rings_next(r, &loss);
		assert_non_null(rec);
		assert_int_equal(loss.cnt, 0);
	}
	rings_release(r);
	assert_int_equal(rings_fill(r), 0);
	put(b, 1, 100001, 77);
	assert_int_equal(rings_scan(r, 100002, false, NULL), 0);
	rec = rings_next(r, &loss);
	assert_non_null(rec);
	assert_int_equal(rec->x, 77);
	assert_int_equal(loss.cnt, 7);
	assert_int_equal(loss.cpu, 1);
	assert_int_equal(loss.ts, 100001);
	rings_sum(r, &sums);
	assert_int_equal(sums.lost, 7);
	bench_free(b, r);
}

/* The program died between claim and commit: skipped at the end, and counted. */
static void test_final_skips_uncommitted(void **state)
{
	struct rings *r;
	struct bench *b = bench_new(&r);
	struct rings_sums sums;

	(void)state;
	put(b, 0, 10, 1);
	assert_true(claim(b, 0, sizeof(struct rec)) != UINT64_MAX);
	put(b, 1, 20, 2);
	assert_int_equal(rings_scan(r, 100, true, NULL), 0);
	assert_int_equal(next_x(r), 1);
	assert_int_equal(next_x(r), 2);
	rings_sum(r, &sums);
	assert_int_equal(sums.lost, 1);
	bench_free(b, r);
}

static void test_damaged(void **state)
{
	static const struct {
		uint16_t len;
		uint8_t npc;
	} bad[] = { { 8, 0 }, { sizeof(struct rec) + 4, 0 }, { REC_MAX_LEN + 8, 0 },
		    { sizeof(struct rec), 1 }, { 0, 0 } };
	struct diag d;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rings *r;
		struct bench *b = bench_new(&r);
		uint64_t pos = claim(b, 0, 4096);
		struct rec *rec = fill(b, 0, pos, bad[i].len, 10, 1);

		rec->npc = bad[i].npc;
		commit(rec, pos);
		assert_true(rings_scan(r, 100, false, &d) < 0);
		assert_non_null(strstr(d.text, "damaged"));
		bench_free(b, r);
	}
	{
		struct rings *r;
		struct bench *b = bench_new(&r);

		b->ctl[1].head = RING + 8;
		assert_true(rings_scan(r, 100, false, &d) < 0);
		bench_free(b, r);
	}
}

/* ---- a writer of its own ---- */

enum { WRITES = 60000 };

struct writer {
	struct bench *b;
	uint64_t written, rng;
	bool done;
};

static unsigned roll(struct writer *w, unsigned n)
{
	w->rng = w->rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(w->rng >> 33) % n;
}

static void *write_records(void *arg)
{
	struct writer *w = arg;
	struct {
		struct rec *r;
		uint64_t pos;
	} open[CPUS] = { 0 };

	for (unsigned i = 0; i < WRITES; i++) {
		unsigned cpu = roll(w, CPUS);
		size_t len = sizeof(struct rec) + roll(w, 6) * 8;
		uint64_t pos = claim(w->b, cpu, len);
		struct rec *r;

		if (pos == UINT64_MAX) {
			sched_yield();
			continue;
		}
		if (roll(w, 50) == 0)
			sched_yield();
		r = fill(w->b, cpu, pos, len, now_ns(), w->written++);
		/* One in ten is committed after the next of its ring: an interrupted program. */
		if (!open[cpu].r && roll(w, 10) == 0) {
			open[cpu].r = r;
			open[cpu].pos = pos;
			continue;
		}
		commit(r, pos);
		if (open[cpu].r)
			commit(open[cpu].r, open[cpu].pos);
		open[cpu].r = NULL;
	}
	for (unsigned c = 0; c < CPUS; c++)
		if (open[c].r)
			commit(open[c].r, open[c].pos);
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Every record once, in order of time, every loss in its place. */
static void test_concurrent_writer(void **state)
{
	struct rings *r;
	struct bench *b = bench_new(&r);
	struct writer w = { .b = b, .rng = 7 };
	uint64_t last = 0, seen = 0, lost = 0, tail_lost = 0;
	struct rings_sums sums;
	pthread_t thread;
	bool final = false;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, write_records, &w), 0);
	for (;;) {
		struct rings_loss loss;
		const struct rec *rec;
		uint64_t now;

		final = __atomic_load_n(&w.done, __ATOMIC_ACQUIRE);
		now = now_ns();
		assert_int_equal(rings_scan(r, now, final, NULL), 0);
		while ((rec = rings_next(r, &loss))) {
			assert_true(rec->ts >= last);
			last = rec->ts;
			lost += loss.cnt;
			seen++;
		}
		rings_release(r);
		if (final)
			break;
	}
	pthread_join(thread, NULL);
	rings_sum(r, &sums);
	assert_int_equal(seen, w.written);
	assert_int_equal(seen + sums.lost, WRITES);
	for (unsigned c = 0; c < CPUS; c++)
		tail_lost += b->ctl[c].lost;
	assert_true(lost <= tail_lost); /* those behind a ring's last record have none to be told with */
	bench_free(b, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_over_rings),
		cmocka_unit_test(test_uncommitted_holds_back),
		cmocka_unit_test(test_times_out_of_order_in_a_ring),
		cmocka_unit_test(test_losses_in_place),
		cmocka_unit_test(test_final_skips_uncommitted),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_concurrent_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
