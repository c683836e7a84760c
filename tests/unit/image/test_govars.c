/*
 * govars: addresses from decoding a stripped binary equal those of its unstripped twin's symbols.
 */
#include "unit/image/fixture.h"

#include "image/govars.h"

static void compare(const char *version, const char *kind, const char *twin)
{
	struct image *img = fixture_open(version, kind);
	const char *names[VAR_CNT];
	uint64_t want[VAR_CNT];
	struct diag d = {0};
	char path[128];

	for (int v = 0; v < VAR_CNT; v++)
		names[v] =
			v == VAR_TRACE_ENABLED ? "runtime.trace" : govars_name((enum image_var)v);
	fixture_symbols(fixture(version, twin, path), names, VAR_CNT, want);
	for (int v = 0; v < VAR_CNT; v++) {
		uint64_t va = 0;

		if (image_var_find(img, (enum image_var)v, &va, &d))
			fail_msg("%s %s: %s", version, kind, d.text);
		assert_true(want[v]);
		if (v == VAR_TRACE_ENABLED) /* a field of runtime.trace, which is large in 1.22 */
			assert_in_range(va, want[v], want[v] + (1 << 20));
		else
			assert_int_equal(va, want[v]);
	}
	image_free(img);
}

static void test_variables(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fixture_versions); i++)
		compare(fixture_versions[i], "strip", "default");
	compare(FIXTURE_NEW, "pie", "pie");
	compare(FIXTURE_NEW, "arm64", "arm64");
}

/*
 * Without optimisation the code has another shape: right or missing, and what is needed is right.
 */
static void test_debug(void **state)
{
	struct image *img = fixture_open(FIXTURE_NEW, "debug");
	const char *names[VAR_CNT];
	uint64_t want[VAR_CNT];
	struct diag d = {0};
	char path[128];

	(void)state;
	for (int v = 0; v < VAR_CNT; v++)
		names[v] = govars_name((enum image_var)v);
	fixture_symbols(fixture(FIXTURE_NEW, "debug", path), names, VAR_CNT, want);
	for (int v = 0; v < VAR_CNT; v++) {
		uint64_t va = 0;
		int err = image_var_find(img, (enum image_var)v, &va, &d);

		if (v == VAR_TRACE_ENABLED)
			assert_int_equal(err, -ENOENT);
		else
			assert_int_equal(va, want[v]);
	}
	image_free(img);
}

static void test_tls(void **state)
{
	static const char *const kinds[] = {"default", "pie"};
	int64_t off;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct image *img = fixture_open(FIXTURE_NEW, kinds[i]);

		off = 0;
		assert_int_equal(image_tls_g(img, &off), 0);
		assert_int_equal(off, -8);
		image_free(img);
	}
	struct image *img = fixture_open(FIXTURE_NEW, "arm64");

	off = 5;
	assert_int_equal(image_tls_g(img, &off), -ENOENT);
	assert_int_equal(off, 5);
	image_free(img);
}

/* A binary whose code has another shape: the variable is missing, with its name, not wrong. */
static void test_missing(void **state)
{
	struct image *img = fixture_open(FIXTURE_NEW, "default"), *other;
	uint64_t off, va = 7;
	struct site s;
	struct diag d = {0};
	char path[128];
	uint8_t *p;
	size_t len;
	int fd;

	(void)state;
	assert_int_equal(image_site_entry(img, "runtime.forEachGRace", &s, &d), 0);
	off = s.file_off;
	image_free(img);
	p = fixture_read(fixture(FIXTURE_NEW, "default", path), &len);
	p[off] = 0x06; /* no instruction in 64-bit code: decoding ends here */
	fd = fixture_memfd(p, len);
	assert_int_equal(image_open(fd, "changed", &other, &d), 0);
	assert_int_equal(image_var_find(other, VAR_ALLGLEN, &va, &d), -ENOENT);
	assert_non_null(strstr(d.text, "runtime.allglen"));
	assert_int_equal(va, 7);
	assert_int_equal(image_var_find(other, VAR_CNT, &va, &d), -ENOENT);
	assert_int_equal(image_var_find(other, VAR_ALLP, &va, &d), 0);
	image_free(other);
	close(fd);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_debug),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
