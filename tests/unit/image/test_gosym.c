/*
 * gosym: lines, files, inlined frames and start functions, compared with what the program's own
 * runtime prints about its stack.
 */
#include "unit/image/fixture.h"

#include "base/limits.h"

struct walk {
	uint64_t anchor; /* entry of main.anchor in the process */
	size_t cnt;
	struct walk_frame {
		uint64_t pc;
		unsigned line;
		char func[128], file[256];
	} v[32];
};

static void walk_read(const char *path, struct walk *w)
{
	char line[512], cmd[256];
	FILE *f;

	*w = (struct walk){0};
	snprintf(cmd, sizeof(cmd), "%s 2>&1", path);
	f = popen(cmd, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		struct walk_frame *v = &w->v[w->cnt];
		unsigned long long pc;

		if (sscanf(line, "anchor %llu", &pc) == 1)
			w->anchor = pc;
		else if (w->cnt < 32 && sscanf(line, "frame %llu %u %127s %255s", &pc, &v->line,
					       v->func, v->file) == 4)
			w->v[w->cnt++].pc = pc;
	}
	pclose(f);
	assert_true(w->anchor && w->cnt >= 5);
}

/*
 * runtime.Callers gives a pc for each logical frame: the leaf's return address, then for the outer
 * inlined ones what the trace format wants too, each plus one.
 */
static void compare_walk(const char *version, const char *kind)
{
	char path[128];
	struct image_frame frames[LIMIT_INLINE_DEPTH];
	struct image *img = fixture_open(version, kind);
	struct image_func f;
	size_t i = 0, inlined = 0;
	struct walk w;
	uint64_t bias;

	walk_read(fixture(version, kind, path), &w);
	assert_int_equal(image_func_find(img, "main.anchor", &f), 0);
	bias = w.anchor - f.entry_va;
	while (i < w.cnt) {
		uint64_t pc = w.v[i].pc - 1 - bias;
		size_t n = image_symbolize(img, pc, frames, ARRAY_LEN(frames));

		assert_true(n > 0 && n <= w.cnt - i);
		assert_false(frames[n - 1].inlined);
		for (size_t k = 0; k < n; k++, i++) {
			assert_int_equal(frames[k].pc, w.v[i].pc - 1 - bias);
			assert_string_equal(frames[k].func, w.v[i].func);
			assert_string_equal(frames[k].file, w.v[i].file);
			assert_int_equal(frames[k].line, w.v[i].line);
			assert_int_equal(frames[k].inlined, k + 1 < n);
			inlined += frames[k].inlined;
		}
		/* A smaller cap gives the same beginning. */
		assert_int_equal(image_symbolize(img, pc, frames, 1), 1);
		assert_int_equal(image_symbolize(img, pc, frames, 0), 0);
	}
	assert_true(inlined >= 2); /* inlinedOnce, inlinedTwice */
	image_free(img);
}

static void test_walk(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fixture_versions); i++)
		compare_walk(fixture_versions[i], "stripped");
	compare_walk(FIXTURE_NEW, "pie");
	compare_walk(FIXTURE_OLD, "pie");
	compare_walk(FIXTURE_OLD, "external");
}

static void test_start_pc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fixture_versions); i++) {
		struct image *img = fixture_open(fixture_versions[i], "default");
		struct image_func f, start;
		struct image_frame fr[8];

		/* `go w.run(1)`: the wrapper knows the method that it calls. */
		assert_int_equal(image_func_find(img, "main.main.gowrap1", &f), 0);
		assert_true(image_symbolize(img, f.entry_va, fr, ARRAY_LEN(fr)) > 0);
		assert_true(fr[0].wrapper);
		assert_int_equal(image_func_at(img, image_start_pc(img, f.entry_va), &start), 0);
		assert_string_equal(start.name, "main.(*worker).run");
		assert_int_equal(start.entry_va, image_start_pc(img, f.entry_va));

		/* Through an interface it does not; a plain function is its own. */
		assert_int_equal(image_func_find(img, "main.main.gowrap2", &f), 0);
		assert_int_equal(image_start_pc(img, f.entry_va), f.entry_va);
		assert_int_equal(image_func_find(img, "main.main", &f), 0);
		assert_int_equal(image_start_pc(img, f.entry_va), f.entry_va);
		assert_int_equal(image_start_pc(img, 1), 1);
		image_free(img);
	}
}

static void test_inlined_into(void **state)
{
	const char *names[4];
	struct image *img = fixture_open(FIXTURE_NEW, "stripped");

	(void)state;
	assert_int_equal(image_inlined_into(img, "main.inlinedTwice", names, 4), 1);
	assert_string_equal(names[0], "main.generic[...]");
	assert_int_equal(image_inlined_into(img, "runtime.gopreempt_m", names, 4), 2);
	assert_int_equal(image_inlined_into(img, "runtime.gopreempt_m", names, 0), 2);
	assert_int_equal(image_inlined_into(img, "runtime.execute", names, 4), 0);
	image_free(img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_start_pc),
		cmocka_unit_test(test_inlined_into),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
