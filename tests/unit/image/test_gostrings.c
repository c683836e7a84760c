/*
 * gostrings: the runtime's own tables, and that none is taken from a place that only begins alike.
 */
#include "unit/image/fixture.h"

#include "image/gostrings.h"
#include "image/reasons.h"

static void test_tables(void **state)
{
	(void)state;
	for (size_t v = 0; v < ARRAY_LEN(fixture_versions); v++) {
		struct image *img = fixture_open(fixture_versions[v], "stripped");
		const struct goversion *ver = &image_get_info(img)->version;
		const char *const *texts, *const *want;
		size_t cnt, want_cnt;

		assert_int_equal(image_table_get(img, TABLE_WAIT_REASONS, &texts, &cnt), 0);
		assert_int_equal(cnt, reasons_count(TABLE_WAIT_REASONS, ver->minor, ver->patch));
		assert_string_equal(texts[0], "");
		assert_string_equal(texts[2], "IO wait");

		assert_int_equal(image_table_get(img, TABLE_STW_REASONS, &texts, &cnt), 0);
		want = reasons_stw(&want_cnt);
		assert_int_equal(cnt, want_cnt);
		for (size_t i = 0; i < cnt; i++)
			assert_memory_equal(texts[i], want[i], strcspn(want[i], "("));

		/* What the version is said to have is what the binary has. */
		want = reasons_block(ver->minor, ver->patch, &want_cnt);
		if (ver->minor == 22) {
			assert_int_equal(image_table_get(img, TABLE_BLOCK_REASONS, &texts, &cnt),
					 -ENOENT);
		} else {
			assert_int_equal(image_table_get(img, TABLE_BLOCK_REASONS, &texts, &cnt),
					 0);
			assert_int_equal(cnt, want_cnt);
			for (size_t i = 0; i < cnt; i++)
				assert_string_equal(texts[i], want[i]);
		}
		assert_int_equal(image_table_get(img, (enum image_table)3, &texts, &cnt), -ENOENT);
		image_free(img);
	}
}

/* Every wait reason of every version has a meaning here: a new one must not go unnoticed. */
static void test_meanings(void **state)
{
	static const char *const unspecified[] = {"", "dumping heap", "coroutine"};

	(void)state;
	for (size_t v = 0; v < ARRAY_LEN(fixture_versions); v++) {
		struct image *img = fixture_open(fixture_versions[v], "stripped");
		const char *const *texts;
		size_t cnt;

		assert_int_equal(image_table_get(img, TABLE_WAIT_REASONS, &texts, &cnt), 0);
		for (size_t i = 0; i < cnt; i++) {
			bool known = reasons_wait_is_pseudo(texts[i]) ||
				     strcmp(reasons_wait_to_block(texts[i]), "unspecified") != 0;

			for (size_t k = 0; k < ARRAY_LEN(unspecified); k++)
				known |= !strcmp(texts[i], unspecified[k]);
			if (!known)
				fail_msg("%s: wait reason \"%s\" is not known", fixture_versions[v],
					 texts[i]);
		}
		image_free(img);
	}
}

/* One text damaged: the run no longer is the table, and there is no other. */
static void test_damaged(void **state)
{
	char path[128];
	size_t len, cnt;
	uint8_t *p = fixture_read(fixture(FIXTURE_NEW, "stripped", path), &len), *at;
	const char *const *texts;
	struct image *img;
	struct diag d = {0};
	int fd;

	(void)state;
	at = memmem(p, len, "GC assist marking", 17);
	assert_non_null(at);
	at[0] = 'X';
	fd = fixture_memfd(p, len);
	assert_int_equal(image_open(fd, "damaged", &img, &d), 0);
	assert_int_equal(image_table_get(img, TABLE_WAIT_REASONS, &texts, &cnt), -ENOENT);
	assert_int_equal(image_table_get(img, TABLE_STW_REASONS, &texts, &cnt), 0);
	image_free(img);
	close(fd);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_meanings),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
