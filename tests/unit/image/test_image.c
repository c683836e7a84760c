/* image: the facade on every kind of build; damaged files are refused or survive every question. */
#include "unit/image/fixture.h"

#include <time.h>

#include "base/limits.h"
#include "unit/image/drive.h"

static void test_info(void **state)
{
	static const char *const kinds[] = {"default", "stripped", "pie", "arm64"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct image *img = fixture_open(FIXTURE_NEW, kinds[i]);
		const struct image_info *info = image_get_info(img);

		assert_string_equal(info->version.text, "go" FIXTURE_NEW);
		assert_int_equal(info->version.minor, 27);
		assert_int_equal(info->arch, i == 3 ? IMAGE_ARM64 : IMAGE_AMD64);
		assert_int_equal(info->pie, i == 2);
		assert_int_equal(info->stripped, i == 1);
		assert_false(info->cgo || info->race || info->pgo);
		assert_true(info->has_buildinfo);
		assert_true(info->text_va < info->etext_va);
		assert_true(info->func_cnt > 1000);
		assert_true(strlen(info->build_id) >= 32);
		assert_true(strchr(info->go_build_id, '/'));
		assert_ptr_equal(image_get_layout(img), golayout_find(info->arch, 27, 4));
		image_free(img);
	}
	image_free(NULL);
}

static void test_not_go(void **state)
{
	struct image *img = (struct image *)&img;
	struct diag d = {0};
	int fd = open("/bin/sh", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(image_open(fd, "/bin/sh", &img, &d), -ENOTSUP);
	assert_ptr_equal(img, &img); /* written on success only */
	assert_non_null(strstr(d.text, "/bin/sh: not a Go binary"));
	close(fd);
}

/*
 * Linked by the C linker, stripped, position independent: up to 1.25 no section names the tables.
 */
static void test_external(void **state)
{
	struct image *img = fixture_open(FIXTURE_OLD, "external");
	const struct image_info *info = image_get_info(img);
	struct diag d = {0};
	uint64_t va;

	(void)state;
	assert_true(info->pie && info->stripped && info->cgo);
	assert_int_equal(strlen(info->build_id), 40); /* the C linker's */
	for (int v = 0; v < VAR_CNT; v++)
		assert_int_equal(image_var_find(img, (enum image_var)v, &va, &d), 0);
	image_free(img);
}

/* The version's text is replaced everywhere, by one of the same length. */
static int open_as(const char *text, struct image **ret, struct diag *d)
{
	char path[128];
	size_t len;
	uint8_t *p = fixture_read(fixture(FIXTURE_NEW, "stripped", path), &len), *at = p;
	int err, fd;

	while ((at = memmem(at, len - (size_t)(at - p), "go1.27.4", 8)))
		memcpy(at, text, 8);
	fd = fixture_memfd(p, len);
	err = image_open(fd, "renamed", ret, d);
	close(fd);
	free(p);
	return err;
}

static void test_versions(void **state)
{
	struct image *img = NULL;
	struct diag d = {0};

	(void)state;
	assert_int_equal(open_as("go1.28.0", &img, &d), -ENOTSUP);
	assert_non_null(strstr(d.text, "1.28"));
	assert_int_equal(open_as("go1.17.0", &img, &d), -ENOTSUP);
	assert_non_null(strstr(d.text, "1.19"));
	/* An older minor's tables do not fit this binary, or nothing in them does: no crash. */
	assert_int_equal(open_as("go1.19.1", &img, &d), -EBADMSG);

	/*
	 * A patch that nobody measured, and words that we do not know: no layout, else all there.
	 */
	assert_int_equal(open_as("go1.27.9", &img, &d), 0);
	assert_null(image_get_layout(img));
	assert_int_equal(golayout_newest(IMAGE_AMD64, 27)->patch_last, 4);
	image_free(img);
	assert_int_equal(open_as("go1.27-x", &img, &d), 0);
	assert_true(image_get_info(img)->version.unknown_tail);
	assert_null(image_get_layout(img));
	image_free(img);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void drive_bytes(const uint8_t *p, size_t len)
{
	int fd = fixture_memfd(p, len);
	uint64_t start = now_ns();

	drive_image(fd);
	assert_true(now_ns() - start < 20000000000ULL);
	close(fd);
}

static void test_truncated(void **state)
{
	char path[128];
	size_t len;
	uint8_t *p = fixture_read(fixture(FIXTURE_NEW, "stripped", path), &len);

	(void)state;
	for (size_t i = 0; i < 20; i++)
		drive_bytes(p, len * i / 20);
	drive_bytes(p, len - 1);
	free(p);
}

static uint64_t random_next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/*
 * Values that hurt, at places that matter: the ELF header, the program headers, the head of the
 * function table, and anywhere.
 */
static void test_flipped(void **state)
{
	static const uint64_t evil[] = {0, 1, 0x7fffffff, 0xffffffff, UINT64_MAX, 1ULL << 63};
	char path[128];
	size_t len;
	const uint8_t *tab;
	uint8_t *p = fixture_read(fixture(FIXTURE_NEW, "stripped", path), &len), *copy;
	uint64_t x = 88172645463325252ULL, tab_off;

	(void)state;
	tab = memmem(p, len, "\xf1\xff\xff\xff\0\0\x01\x08", 8);
	assert_non_null(tab);
	tab_off = (uint64_t)(tab - p);
	copy = malloc(len);
	assert_non_null(copy);
	for (size_t i = 0; i < 48; i++) {
		memcpy(copy, p, len);
		for (size_t k = 0; k < 1 + i % 3; k++) {
			uint64_t r = random_next(&x), off, val = evil[r % ARRAY_LEN(evil)];
			size_t width = 1U << (r >> 8) % 4;

			switch (i % 4) {
			case 0:
				off = (r >> 16) % 0x300;
				break;
			case 1:
				off = tab_off + 8 + (r >> 16) % 64;
				break;
			case 2:
				off = tab_off + (r >> 16) % 200000;
				break;
			default:
				off = (r >> 16) % (len - 8);
				break;
			}
			memcpy(copy + num_min(off, len - 8), &val, width);
		}
		drive_bytes(copy, len);
	}
	free(copy);
	free(p);
}

/* Symbolisation of every function's first and last byte, and that it stays quick. */
static void test_all_pcs(void **state)
{
	struct image *img = fixture_open(FIXTURE_NEW, "stripped");
	const struct image_info *info = image_get_info(img);
	struct image_frame fr[LIMIT_INLINE_DEPTH];
	uint64_t va = info->text_va, start = now_ns();
	struct image_func f;
	size_t funcs = 0;

	(void)state;
	while (va < info->etext_va && !image_func_at(img, va, &f)) {
		size_t n = image_symbolize(img, f.entry_va, fr, ARRAY_LEN(fr));

		assert_true(n > 0 && f.end_va > va);
		assert_string_equal(fr[n - 1].func, f.name);
		assert_int_equal(fr[n - 1].entry_va, f.entry_va);
		assert_true(image_symbolize(img, f.end_va - 1, fr, ARRAY_LEN(fr)) > 0);
		va = f.end_va;
		funcs++;
	}
	assert_int_equal(funcs, info->func_cnt);
	assert_true(now_ns() - start < 5000000000ULL);
	image_free(img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_info),	  cmocka_unit_test(test_not_go),
		cmocka_unit_test(test_external),  cmocka_unit_test(test_versions),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_all_pcs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
