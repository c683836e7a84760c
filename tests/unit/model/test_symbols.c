/* test_symbols.c - a pc is looked up once; what is saved comes back; damage is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "model/symbols.h"

struct asked {
	unsigned frames, starts;
};

static size_t frames(void *ctx, uint64_t pc, struct symbol *ret, size_t cap)
{
	static char name[32];
	struct asked *a = ctx;

	assert_int_equal(cap, SYMBOLS_DEPTH);
	a->frames++;
	if (pc < 100)
		return 0;
	snprintf(name, sizeof(name), "f%llu", (unsigned long long)pc); /* borrowed for the call */
	ret[0] = (struct symbol){ .pc = pc, .func = name, .file = "a.go", .line = 7 };
	ret[1] = (struct symbol){ .pc = pc + 1, .func = "g[int,string]", .file = "b.go", .line = 8,
				  .wrapper = true };
	return 2;
}

static uint64_t start_pc(void *ctx, uint64_t pc)
{
	struct asked *a = ctx;

	a->starts++;
	return pc + 5;
}

static struct symbols *new_symbols(struct asked *a, bool keep)
{
	struct symbols_source s = { .frames = frames, .start_pc = start_pc, .ctx = a };
	struct symbols *ret = symbols_new(&s, keep);

	assert_non_null(ret);
	return ret;
}

static void test_asked_once(void **state)
{
	struct asked a = { 0 };
	struct symbols *s = new_symbols(&a, false);
	const struct symbol *f, *g;

	(void)state;
	assert_int_equal(symbols_get(s, 200, &f), 2);
	assert_int_equal(symbols_get(s, 300, &g), 2);
	assert_string_equal(f[0].func, "f200"); /* a copy of its own */
	assert_string_equal(g[0].func, "f300");
	assert_string_equal(f[1].func, "g[...]"); /* as the runtime prints it */
	assert_true(f[1].wrapper && !f[0].wrapper);
	assert_int_equal(symbols_get(s, 200, &f), 2);
	assert_int_equal(symbols_get(s, 5, &f), 0);
	assert_int_equal(symbols_get(s, 5, &f), 0);
	assert_int_equal(a.frames, 3);
	assert_int_equal(symbols_start_pc(s, 1), 6);
	assert_int_equal(symbols_start_pc(s, 1), 6);
	assert_int_equal(a.starts, 1);
	symbols_free(s);
}

static void test_save_load(void **state)
{
	struct asked a = { 0 };
	struct symbols *s = new_symbols(&a, true), *t = symbols_new(NULL, true);
	const struct symbol *f;
	struct buf b = { 0 };
	struct span in;
	struct diag d;

	(void)state;
	for (uint64_t pc = 1; pc < 1000; pc += 7)
		(void)symbols_get(s, pc, &f);
	(void)symbols_start_pc(s, 11);
	symbols_save(s, &b);
	in = span_of(b.p, b.len);
	assert_int_equal(symbols_load(t, &in, &d), 0);
	assert_int_equal(in.left, 0);
	for (uint64_t pc = 1; pc < 1000; pc += 7) {
		char name[32];

		snprintf(name, sizeof(name), "f%llu", (unsigned long long)pc);
		assert_int_equal(symbols_get(t, pc, &f), pc < 100 ? 0 : 2);
		if (pc < 100)
			continue;
		assert_string_equal(f[0].func, name);
		assert_string_equal(f[1].file, "b.go");
		assert_int_equal(f[1].line, 8);
		assert_true(f[1].wrapper);
	}
	assert_int_equal(symbols_start_pc(t, 11), 16);
	assert_int_equal(symbols_start_pc(t, 12), 12); /* unknown: itself */
	buf_done(&b);
	symbols_free(s);
	symbols_free(t);
}

static void test_damaged(void **state)
{
	struct asked a = { 0 };
	struct symbols *s = new_symbols(&a, true);
	const struct symbol *f;
	struct buf b = { 0 };
	struct diag d;

	(void)state;
	for (uint64_t pc = 200; pc < 205; pc++)
		(void)symbols_get(s, pc, &f);
	(void)symbols_start_pc(s, 11);
	symbols_save(s, &b);
	for (size_t cut = 0; cut < b.len; cut++) {
		struct symbols *t = symbols_new(NULL, true);
		struct span in = span_of(b.p, cut);

		assert_int_equal(symbols_load(t, &in, &d), -EBADMSG);
		symbols_free(t);
	}
	for (size_t i = 0; i < b.len; i++) {
		struct symbols *t = symbols_new(NULL, true);
		struct span in;

		b.p[i] ^= 0xff;
		in = span_of(b.p, b.len);
		(void)symbols_load(t, &in, &d); /* any verdict, no harm */
		b.p[i] ^= 0xff;
		symbols_free(t);
	}
	buf_done(&b);
	symbols_free(s);
}

/* S2: past the bound all is forgotten, unless a capture wants it. */
static void test_bounded(void **state)
{
	struct asked a = { 0 };
	struct symbols *s = new_symbols(&a, false);
	const struct symbol *f;

	(void)state;
	for (uint64_t pc = 0; pc < SYMBOLS_MAX + 10; pc++)
		(void)symbols_get(s, pc % 90 + pc * 100, &f);
	a.frames = 0;
	symbols_trim(s);
	(void)symbols_get(s, 100 + 1, &f);
	assert_int_equal(a.frames, 1);
	symbols_trim(s);
	(void)symbols_get(s, 100 + 1, &f);
	assert_int_equal(a.frames, 1); /* small: kept */
	symbols_free(s);
	symbols_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked_once),
		cmocka_unit_test(test_save_load),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
