/*
 * gopclntab: what the tables say about functions and pcs, compared with the symbol table and with
 * what the program's own runtime prints about its stack.
 */
#include "unit/image/fixture.h"

#include <elf.h>

#include "base/limits.h"
#include "image/gopclntab.h"

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

	*w = (struct walk){ 0 };
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
}

/* Every function that nm knows in the Go text is found by name at its address. */
static void compare_symbols(const char *version, const char *kind)
{
	char path[128], cmd[256], line[1024];
	struct image *img = fixture_open(version, kind);
	const struct image_info *info = image_get_info(img);
	unsigned long long va;
	size_t seen = 0;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "nm %s", fixture(version, kind, path));
	f = popen(cmd, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		struct image_func fn, at;
		char name[512], type;

		if (sscanf(line, "%llx %c %511s", &va, &type, name) != 3 ||
		    (type != 'T' && type != 't') || va < info->text_va || va >= info->etext_va ||
		    strstr(name, ".abi0") || strchr(name, ':') || strchr(name, '[') ||
		    !strcmp(name, "runtime.text") || !strcmp(name, "_start"))
			continue;
		if (image_func_find(img, name, &fn))
			continue; /* a data symbol in the text, an assembly label */
		seen++;
		assert_int_equal(image_func_at(img, va, &at), 0);
		assert_int_equal(at.entry_va, va);
		assert_string_equal(at.name, name);
		assert_int_equal(image_func_at(img, at.end_va - 1, &fn), 0);
		assert_int_equal(fn.entry_va, va);
	}
	pclose(f);
	assert_true(seen > 1000 && seen > info->func_cnt / 2);
	image_free(img);
}

static void test_symbols(void **state)
{
	(void)state;
	compare_symbols(FIXTURE_OLD, "default");
	compare_symbols(FIXTURE_NEW, "default");
	compare_symbols(FIXTURE_NEW, "arm64");
}

static void test_edges(void **state)
{
	struct image *img = fixture_open(FIXTURE_NEW, "stripped");
	const struct image_info *info = image_get_info(img);
	struct image_frame fr;
	struct image_func f;

	(void)state;
	assert_int_equal(image_func_at(img, info->text_va - 1, &f), -ENOENT);
	assert_int_equal(image_func_at(img, info->etext_va, &f), -ENOENT);
	assert_int_equal(image_func_at(img, 0, &f), -ENOENT);
	assert_int_equal(image_func_at(img, UINT64_MAX, &f), -ENOENT);
	assert_int_equal(image_func_at(img, info->text_va, &f), 0);
	assert_int_equal(f.entry_va, info->text_va);
	assert_int_equal(image_symbolize(img, UINT64_MAX, &fr, 1), 0);
	assert_int_equal(image_func_find(img, "runtime.nosuch", &f), -ENOENT);
	assert_int_equal(image_func_find(img, "main.nosuch", &f), -ENOENT);
	assert_int_equal(image_func_find(img, "", &f), -ENOENT);
	assert_int_equal(image_func_find(img, "main.generic[...]", &f), 0);
	image_free(img);
}

/* Two functions carry the name of cgocallbackg: the real one and its ABI wrapper. */
static void test_wrappers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fixture_versions); i++) {
		struct image *img = fixture_open(fixture_versions[i], "default");
		char path[128];
		struct image_func f, start;
		struct image_frame fr[8];
		uint64_t want = fixture_symbol(fixture(fixture_versions[i], "default", path),
					       "runtime.asyncPreempt2");

		assert_int_equal(image_func_find(img, "runtime.asyncPreempt2", &f), 0);
		assert_int_equal(f.entry_va, want);

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

/* Without section headers, and with the magic forged in other places, the tables are found. */
static void test_no_sections(void **state)
{
	char path[128];
	size_t len;
	uint8_t *p = fixture_read(fixture(FIXTURE_OLD, "stripped", path), &len);
	static const uint8_t fake[24] = { 0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8, 5 };
	struct diag d = { 0 };
	struct image *img;
	struct image_func f;
	Elf64_Ehdr eh;
	int fd;

	(void)state;
	memcpy(&eh, p, sizeof(eh));
	eh.e_shoff = 0;
	eh.e_shnum = 0;
	eh.e_shstrndx = 0;
	memcpy(p, &eh, sizeof(eh));
	memcpy(p + 0x1000 - 64, fake, sizeof(fake));
	fd = fixture_memfd(p, len);
	if (image_open(fd, "no-sections", &img, &d))
		fail_msg("%s", d.text);
	assert_int_equal(image_func_find(img, "runtime.execute", &f), 0);
	assert_true(image_get_info(img)->has_buildinfo);
	image_free(img);
	close(fd);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),	 cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_edges),	 cmocka_unit_test(test_wrappers),
		cmocka_unit_test(test_inlined_into), cmocka_unit_test(test_no_sections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
