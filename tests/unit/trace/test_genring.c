#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/buf.h"
#include "trace/batch.h"
#include "trace/evspec.h"
#include "trace/genring.h"

enum { SEC = 1000000000 };

/* A generation of about len bytes, its content a function of seed. */
static struct buf make_gen(uint64_t seed, size_t len)
{
	struct buf b = {0};

	while (b.len < len) {
		size_t n = len - b.len > 9000 ? 9000 : len - b.len;

		batch_header(&b, seed, seed % 7, seed, n);
		for (size_t i = 0; i < n; i++)
			buf_u8(&b, (uint8_t)(seed * 31 + i));
	}
	assert_false(b.failed);
	return b;
}

static int add(struct genring *r, uint64_t sec, size_t len)
{
	struct buf b = make_gen(sec, len);
	struct genring_gen g = {.start_ns = sec * SEC,
				.end_ns = (sec + 1) * SEC,
				.events = 10,
				.bytes = b.p,
				.len = b.len};
	int err = genring_add(r, &g);

	buf_done(&b);
	return err;
}

static void check_gen(const struct genring_gen *g, size_t len)
{
	struct buf b = make_gen(g->start_ns / SEC, len);

	assert_int_equal(g->len, b.len);
	assert_memory_equal(g->bytes, b.p, b.len);
	buf_done(&b);
}

static void keeps_the_window(void **state)
{
	struct genring_opts o = {.window_ns = 3ULL * SEC, .bytes = 1 << 20, .gen_bytes = 1 << 16};
	struct genring *r = genring_new(&o);
	struct genring_set set;
	struct genring_stat st;

	(void)state;
	for (uint64_t s = 1; s <= 20; s++) {
		assert_int_equal(add(r, s, 1000), 0);
		genring_get_stat(r, &st);
		/* The window, and no more than one generation more. */
		assert_int_equal(st.gens, s < 3 ? s : 3);
		assert_int_equal(st.end_ns, (s + 1) * SEC);
	}
	assert_int_equal(st.start_ns, 18ULL * SEC);
	assert_int_equal(st.events, 30);
	assert_int_equal(st.evicted_by_bytes, 0);
	assert_int_equal(genring_hold(r, 20ULL * SEC, &set), 0);
	assert_int_equal(set.cnt, 1); /* what ends at 20 s is not asked for */
	genring_set_done(&set);
	/*
	 * Nothing happened for 10 s: what came before covers that time, and is still in the window.
	 */
	assert_int_equal(add(r, 31, 1000), 0);
	genring_get_stat(r, &st);
	assert_int_equal(st.gens, 2);
	assert_int_equal(st.start_ns, 20ULL * SEC);
	genring_free(r);
}

static void keeps_the_bytes(void **state)
{
	struct genring_opts o = {.bytes = 10 * 4096, .gen_bytes = 4096};
	struct genring *r = genring_new(&o);
	struct genring_set set;
	struct genring_stat st;

	(void)state;
	for (uint64_t s = 1; s <= 100; s++) {
		assert_int_equal(add(r, s, 3000 + s * 7 % 900), 0);
		genring_get_stat(r, &st);
		assert_true(st.bytes <= o.bytes);
	}
	assert_true(st.gens >= 10);
	assert_true(st.evicted_by_bytes > 80);
	assert_int_equal(genring_hold(r, 0, &set), 0);
	for (size_t i = 0; i < set.cnt; i++) {
		check_gen(&set.gens[i], 3000 + set.gens[i].start_ns / SEC * 7 % 900);
		if (i) /* without a gap */
			assert_int_equal(set.gens[i].start_ns, set.gens[i - 1].end_ns);
	}
	assert_int_equal(set.gens[set.cnt - 1].end_ns, 101ULL * SEC);
	genring_set_done(&set);
	assert_int_equal(add(r, 101, o.bytes + 1), -E2BIG);
	genring_free(r);
}

/* R1, R2: what is held is not touched, whatever is added. */
static void held_ones_stay(void **state)
{
	struct genring_opts o = {.bytes = 10 * 4096, .gen_bytes = 3 * 4096};
	struct genring *r = genring_new(&o);
	struct genring_stat before, after;
	struct genring_set set;
	int err = 0;
	uint64_t s;

	(void)state;
	for (s = 1; s <= 30; s++)
		assert_int_equal(add(r, s, 3500), 0);
	assert_int_equal(genring_hold(r, 0, &set), 0);
	assert_true(set.cnt >= 10);
	for (; s < 60; s++) {
		genring_get_stat(r, &before);
		err = add(r, s, 3500);
		genring_get_stat(r, &after);
		if (err)
			break;
	}
	/* The slack took some; then the window keeps what it has. */
	assert_int_equal(err, -EBUSY);
	assert_true(s >= 32);
	assert_true(after.gens + 1 >= before.gens);
	assert_true(after.held_bytes > 0);
	for (size_t i = 0; i < set.cnt; i++)
		check_gen(&set.gens[i], 3500);
	/* One that is written makes room for one. */
	genring_set_drop(&set, 0);
	genring_set_drop(&set, 0);
	assert_int_equal(add(r, s, 3500), 0);
	for (size_t i = 1; i < set.cnt; i++)
		check_gen(&set.gens[i], 3500);
	genring_set_done(&set);
	for (s = 100; s < 200; s++)
		assert_int_equal(add(r, s, 3500), 0);
	genring_get_stat(r, &after);
	assert_int_equal(after.held_bytes, 0);
	genring_free(r);
}

static void numbers_anew(void **state)
{
	struct genring_opts o = {.bytes = 1 << 20, .gen_bytes = 1 << 17};
	struct genring *r = genring_new(&o);
	struct genring_set set;
	uint8_t chunk[20000], *all = malloc(1 << 17);
	struct buf want = make_gen(77, 100000);
	size_t off = 0, len = 0;
	long n;

	(void)state;
	assert_int_equal(add(r, 77, 100000), 0);
	assert_int_equal(genring_hold(r, 0, &set), 0);
	while ((n = genring_copy(&set.gens[0], 3, &off, chunk, sizeof(chunk))) > 0) {
		memcpy(all + len, chunk, (size_t)n);
		len += (size_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(len, want.len);
	assert_int_equal(batch_renumber(want.p, want.len, 3), 0);
	assert_memory_equal(all, want.p, len);
	check_gen(&set.gens[0], 100000); /* the shared bytes are as they were */
	/* Bytes that are no batches are refused. */
	set.gens[0].bytes = (const uint8_t *)"\x07garbage";
	set.gens[0].len = 8;
	off = 0;
	assert_int_equal(genring_copy(&set.gens[0], 1, &off, chunk, sizeof(chunk)), -1);
	genring_set_done(&set);
	genring_free(r);
	buf_done(&want);
	free(all);
}

static void gives_way_and_grows_back(void **state)
{
	struct genring_opts o = {.bytes = 64 * 4096, .gen_bytes = 4096, .touch = true};
	struct genring *r = genring_new(&o);
	struct genring_stat st;
	struct genring_set set;

	(void)state;
	for (uint64_t s = 1; s <= 200; s++)
		assert_int_equal(add(r, s, 4000), 0);
	genring_limit(r, 16 * 4096);
	genring_trim(r);
	genring_get_stat(r, &st);
	assert_true(st.bytes <= 16 * 4096 && st.gens >= 15);
	assert_int_equal(genring_hold(r, 0, &set), 0);
	for (size_t i = 0; i < set.cnt; i++)
		check_gen(&set.gens[i], 4000);
	genring_set_done(&set);
	genring_limit(r, 1 << 30);
	for (uint64_t s = 201; s <= 400; s++)
		assert_int_equal(add(r, s, 4000), 0);
	genring_get_stat(r, &st);
	assert_true(st.bytes > 60 * 4000 && st.bytes <= o.bytes);
	genring_free(r);
}

/* Any order of adding, holding and dropping: what is held is right, the window has no gap. */
static void random_use(void **state)
{
	struct genring_opts o = {.window_ns = 30ULL * SEC, .bytes = 40000, .gen_bytes = 5000};
	struct genring *r = genring_new(&o);
	struct genring_set sets[4] = {0};
	uint32_t x = 12345;
	uint64_t busy = 0;

	(void)state;
	for (uint64_t s = 1; s < 5000; s++) {
		struct genring_set *set;
		int err;

		x = x * 1664525 + 1013904223;
		set = &sets[x >> 30];
		err = add(r, s, 500 + s % 4000);
		assert_true(err == 0 || err == -EBUSY);
		busy += err == -EBUSY;
		if (!set->cnt) {
			assert_int_equal(genring_hold(r, x & 1 ? 0 : (s - 3) * SEC, set), 0);
		} else if (x & 2) {
			size_t i = (x >> 8) % set->cnt;

			if (set->blocks[i])
				check_gen(&set->gens[i], 500 + set->gens[i].start_ns / SEC % 4000);
			genring_set_drop(set, i);
		} else {
			genring_set_done(set);
		}
	}
	assert_true(busy > 0);
	for (size_t i = 0; i < 4; i++)
		genring_set_done(&sets[i]);
	genring_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_window),	    cmocka_unit_test(keeps_the_bytes),
		cmocka_unit_test(held_ones_stay),	    cmocka_unit_test(numbers_anew),
		cmocka_unit_test(gives_way_and_grows_back), cmocka_unit_test(random_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
