/*
 * gopclntab: what the tables say about functions, compared with the symbol table.
 */
#include "unit/image/fixture.h"

#include <elf.h>

#include "image/gopclntab.h"

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

/* One name, two functions: the real one and its ABI wrapper; the real one is given. */
static void test_names(void **state)
{
	static const char *const names[] = {"runtime.asyncPreempt2", "runtime.badmcall"};
	uint64_t want[ARRAY_LEN(names)];
	char path[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fixture_versions); i++) {
		struct image *img = fixture_open(fixture_versions[i], "default");

		fixture_symbols(fixture(fixture_versions[i], "default", path), names,
				ARRAY_LEN(names), want);
		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			struct image_func f;

			assert_int_equal(image_func_find(img, names[k], &f), 0);
			assert_int_equal(f.entry_va, want[k]);
		}
		image_free(img);
	}
}

/* Without section headers, and with the magic forged in other places, the tables are found. */
static void test_no_sections(void **state)
{
	char path[128];
	size_t len;
	uint8_t *p = fixture_read(fixture(FIXTURE_OLD, "stripped", path), &len);
	static const uint8_t fake[24] = {0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8, 5};
	struct diag d = {0};
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

/* The table's two first entries change places: a table that is not in order is refused. */
static void test_order(void **state)
{
	char path[128];
	size_t len;
	uint8_t *p = fixture_read(fixture(FIXTURE_NEW, "stripped", path), &len), *tab;
	struct image *img;
	struct diag d = {0};
	uint32_t entry[2];
	uint64_t pcln;
	int fd;

	(void)state;
	tab = memmem(p, len, "\xf1\xff\xff\xff\0\0\x01\x08", 8);
	assert_non_null(tab);
	memcpy(&pcln, tab + 64, 8);
	memcpy(&entry[0], tab + pcln + 8, 4);
	memcpy(&entry[1], tab + pcln + 16, 4);
	assert_true(entry[0] < entry[1]);
	memcpy(tab + pcln + 8, &entry[1], 4);
	memcpy(tab + pcln + 16, &entry[0], 4);
	fd = fixture_memfd(p, len);
	assert_int_equal(image_open(fd, "order", &img, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "not in order"));
	close(fd);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_sections),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
