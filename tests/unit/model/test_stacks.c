/* test_stacks.c - stacks are told apart by content, shown as the runtime shows them, forgotten in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/limits.h"
#include "model/stacks.h"

/* pc/100 names the function; 9xx wrappers, 8xx gopanic, 7xx goexit, 6xx runtime.main. */
static size_t frames(void *ctx, uint64_t pc, struct symbol *ret, size_t cap)
{
	static char name[32];

	(void)ctx;
	(void)cap;
	snprintf(name, sizeof(name), "main.f%llu", (unsigned long long)pc / 100);
	ret[0] = (struct symbol){ .pc = pc, .func = name, .file = "a.go", .line = 1 };
	switch (pc / 100) {
	case 9:
		ret[0].wrapper = true;
		break;
	case 8:
		ret[0].func = "runtime.gopanic";
		break;
	case 7:
		ret[0].func = "runtime.goexit";
		break;
	case 6:
		ret[0].func = "runtime.main";
		break;
	case 5: /* inlined into 5: 50 */
		ret[1] = ret[0];
		ret[0].func = "main.inlined";
		ret[1].pc = pc + 1;
		return 2;
	default:
		break;
	}
	return 1;
}

static const char *shown(const uint64_t *pcs, size_t n, unsigned skip, unsigned flags)
{
	struct symbols_source source = { .frames = frames };
	struct symbols *sym = symbols_new(&source, false);
	struct gen_frame f[LIMIT_FRAMES];
	static char text[8192];
	size_t cnt = stacks_frames(sym, pcs, n, skip, flags, f);

	text[0] = '\0';
	for (size_t i = 0; i < cnt; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", f[i].func);
	symbols_free(sym);
	return text;
}

#define SHOW(skip, flags, ...)                                                                     \
	shown((const uint64_t[]){ __VA_ARGS__ }, sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8, skip, flags)

static void test_shown(void **state)
{
	(void)state;
	assert_string_equal(SHOW(0, 0, 101, 201, 701), "main.f1 main.f2");
	assert_string_equal(SHOW(1, 0, 101, 201, 701), "main.f2");
	assert_string_equal(SHOW(0, 0, 101, 201, 601, 701), "main.f1 main.f2");
	assert_string_equal(SHOW(0, 0, 601, 701), "runtime.main"); /* a stack keeps a frame */
	/* a return address is one behind the call: 100 is still function 0 for it, an entry is 1 */
	assert_string_equal(SHOW(0, 0, 100, 201), "main.f0 main.f2");
	assert_string_equal(SHOW(0, STACK_ENTRY_PC, 100, 201), "main.f1 main.f2");
}

static void test_inlined_and_wrappers(void **state)
{
	(void)state;
	assert_string_equal(SHOW(0, 0, 101, 501), "main.f1 main.inlined main.f5");
	assert_string_equal(SHOW(1, 0, 501, 101), "main.f5 main.f1"); /* skip counts logical frames */
	assert_string_equal(SHOW(0, 0, 101, 901, 201), "main.f1 main.f2");
	assert_string_equal(SHOW(0, 0, 801, 901, 201), "runtime.gopanic main.f9 main.f2");
}

static void test_interned(void **state)
{
	const uint64_t a[] = { 1, 2, 3 }, b[] = { 1, 2, 4 };
	struct stacks *s = stacks_new();
	uint32_t id = stacks_intern(s, a, 3, 0, 0);

	(void)state;
	assert_true(id > 0);
	assert_int_equal(stacks_intern(s, a, 3, 0, 0), id);
	assert_true(stacks_intern(s, a, 2, 0, 0) != id);
	assert_true(stacks_intern(s, a, 3, 1, 0) != id);
	assert_true(stacks_intern(s, a, 3, 0, STACK_ENTRY_PC) != id);
	assert_true(stacks_intern(s, b, 3, 0, 0) != id);
	assert_int_equal(stacks_intern(s, a, 0, 0, 0), 0);
	stacks_free(s);
	stacks_free(NULL);
}

static void close_gen(struct stacks *s, struct symbols *sym, struct genwriter *w)
{
	struct gen_clock clock = { .ts = 1 };
	struct buf out = { 0 };

	stacks_write(s, sym, w);
	assert_int_equal(genwriter_end(w, &clock, &out), 0);
	buf_done(&out);
	genwriter_begin(w, 1, 1);
}

/* K2: what neither a goroutine nor this generation needs makes room: numbers stay small. */
static void test_swept(void **state)
{
	struct symbols_source source = { .frames = frames };
	struct symbols *sym = symbols_new(&source, false);
	struct genwriter *w = genwriter_new(25, 1);
	struct stacks *s = stacks_new();
	const uint64_t kept_pcs[] = { 42, 43 };
	uint32_t kept, most = 0;

	(void)state;
	genwriter_begin(w, 1, 1);
	kept = stacks_intern(s, kept_pcs, 2, 0, 0);
	stacks_ref(s, kept);
	for (uint64_t gen = 0; gen < 50; gen++) {
		for (uint64_t i = 0; i < 500; i++) {
			const uint64_t pcs[] = { gen * 100000 + i * 7, 5 };
			uint32_t id = stacks_intern(s, pcs, 2, 0, 0);

			(void)stacks_use(s, id);
			most = id > most ? id : most;
		}
		close_gen(s, sym, w);
	}
	assert_true(most < 2 * 500 + 10);
	assert_int_equal(stacks_intern(s, kept_pcs, 2, 0, 0), kept);
	stacks_unref(s, kept);
	stacks_free(s);
	genwriter_free(w);
	symbols_free(sym);
}

static void test_told_once(void **state)
{
	const uint64_t a[] = { 1, 2, 3 };
	struct stacks *s = stacks_new();

	(void)state;
	assert_int_equal(stacks_told(s, 77, 0, 0), 0);
	assert_int_equal(stacks_tell(s, 77, a, 3), 0);
	assert_int_equal(stacks_told(s, 77, 0, 0), stacks_intern(s, a, 3, 0, 0));
	assert_int_equal(stacks_told(s, 77, 2, 0), stacks_intern(s, a, 3, 2, 0));
	assert_int_equal(stacks_told(s, 78, 0, 0), 0);
	stacks_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),	 cmocka_unit_test(test_inlined_and_wrappers),
		cmocka_unit_test(test_interned), cmocka_unit_test(test_swept),
		cmocka_unit_test(test_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
