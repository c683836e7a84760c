/* gobuildinfo: version texts of all shapes; build info missing, damaged and forged. */
#include "unit/image/fixture.h"

#include "image/gobuildinfo.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int err;
		unsigned minor, patch;
		bool tail;
	} cases[] = {
		{"go1.22.12", 0, 22, 12, false},
		{"go1.20", 0, 20, 0, false},
		{"go1.27.0", 0, 27, 0, false},
		{"go1.24.13 X:nospinbitmutex", 0, 24, 13, true},
		{"go1.24rc1", 0, 24, 0, true},
		{"go1.25.1-vendor", 0, 25, 1, true},
		{"go1.25.", 0, 25, 0, true},
		{"go1.25.x", 0, 25, 0, true},
		{"devel go1.28-0123abc Mon", 0, 28, 0, true},
		{"devel +0123abc", -EBADMSG, 0, 0, false},
		{"go1.", -EBADMSG, 0, 0, false},
		{"go1.x", -EBADMSG, 0, 0, false},
		{"go2.1.1", -EBADMSG, 0, 0, false},
		{"", -EBADMSG, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct goversion v = {.minor = 99};
		int err = goversion_parse(cases[i].text, strlen(cases[i].text), &v);

		assert_int_equal(err, cases[i].err);
		if (err) {
			assert_int_equal(v.minor, 99);
			continue;
		}
		assert_int_equal(v.minor, cases[i].minor);
		assert_int_equal(v.patch, cases[i].patch);
		assert_int_equal(v.unknown_tail, cases[i].tail);
		assert_string_equal(v.text, cases[i].text);
	}
}

static void test_parse_hostile(void **state)
{
	char text[400] = "go1.22.5\x1b[31m";
	struct goversion v;

	(void)state;
	assert_int_equal(goversion_parse(text, strlen(text), &v), 0);
	assert_string_equal(v.text, "go1.22.5?[31m");
	memset(text + 8, 'x', sizeof(text) - 8);
	assert_int_equal(goversion_parse(text, sizeof(text), &v), 0);
	assert_int_equal(strlen(v.text), sizeof(v.text) - 1);
	memset(text + 4, '9', sizeof(text) - 4);
	assert_int_equal(goversion_parse(text, sizeof(text), &v), 0);
	assert_true(v.unknown_tail);
}

static int read_info(uint8_t *p, size_t len, struct gobuildinfo *bi, struct diag *d)
{
	int fd = fixture_memfd(p, len);
	struct elfimg e;
	int err;

	assert_int_equal(elfimg_open(&e, fd, d), 0);
	err = gobuildinfo_read(&e, bi, d);
	elfimg_done(&e);
	close(fd);
	return err;
}

static void test_not_go(void **state)
{
	struct gobuildinfo bi;
	struct diag d = {0};
	size_t len;
	uint8_t *p = fixture_read("/bin/sh", &len);

	(void)state;
	assert_int_equal(read_info(p, len, &bi, &d), -ENOTSUP);
	assert_non_null(strstr(d.text, "not a Go binary"));
	free(p);
}

/* The text after the build info's header, and its first byte's place. */
static uint8_t *find_info(uint8_t *p, size_t len)
{
	uint8_t *at = memmem(p, len, "\xff Go buildinf:\x08\x02", 16);

	assert_non_null(at);
	return at;
}

static void test_forms(void **state)
{
	char path[128];
	size_t len;
	uint8_t *p = fixture_read(fixture(FIXTURE_NEW, "stripped", path), &len);
	uint8_t *at = find_info(p, len);
	struct gobuildinfo bi;
	struct diag d = {0};

	(void)state;
	assert_int_equal(read_info(p, len, &bi, &d), 0);
	assert_true(bi.present);
	assert_false(bi.race || bi.pgo || bi.version.unknown_tail);
	assert_string_equal(bi.version.text, "go" FIXTURE_NEW);

	/* Forged: the runtime knows better. */
	assert_memory_equal(at + 33, "go1.27.4", 8);
	at[33 + 5] = '1';
	assert_int_equal(read_info(p, len, &bi, &d), -ENOTSUP);
	assert_non_null(strstr(d.text, "go1.27.4"));
	assert_non_null(strstr(d.text, "go1.21.4"));

	/* Damaged or gone: runtime.buildVersion is enough. */
	at[32] = 0xff;
	assert_int_equal(read_info(p, len, &bi, &d), 0);
	assert_false(bi.present);
	at[0] = 0;
	assert_int_equal(read_info(p, len, &bi, &d), 0);
	assert_false(bi.present);
	assert_string_equal(bi.version.text, "go" FIXTURE_NEW);
	free(p);
}

/* Puts another line in the place of one of 20 bytes (a longer one takes of the next line); the text stands in the file more than once. */
static void line_replace(uint8_t *p, size_t len, const char *from, const char *to)
{
	uint8_t *at = p;
	size_t n = 0;

	for (; (at = memmem(at, len - (size_t)(at - p), from, 20)); n++)
		memcpy(at, to, strlen(to));
	assert_true(n > 0);
}

static void test_settings(void **state)
{
	static const char cgo[] = "build\tCGO_ENABLED=0\n", race[] = "build\t-race=true\nx\t\n";
	static const char pgo[] = "build\t-pgo=/a/b.prof\n", off[] = "build\t-pgo=off\nxx\ty\n";
	static const char plugin[] = "build\t-buildmode=plugin\n"; /* 24 bytes: the next line's begin */
	char path[128];
	size_t len;
	uint8_t *p = fixture_read(fixture(FIXTURE_NEW, "stripped", path), &len);
	struct gobuildinfo bi;
	struct diag d = {0};

	(void)state;
	line_replace(p, len, cgo, race);
	assert_int_equal(read_info(p, len, &bi, &d), 0);
	assert_true(bi.race && !bi.pgo);
	line_replace(p, len, race, pgo);
	assert_int_equal(read_info(p, len, &bi, &d), 0);
	assert_true(bi.pgo && !bi.race);
	line_replace(p, len, pgo, off);
	assert_int_equal(read_info(p, len, &bi, &d), 0);
	assert_false(bi.pgo || bi.library);
	line_replace(p, len, off, plugin);
	assert_int_equal(read_info(p, len, &bi, &d), 0);
	assert_true(bi.library);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	 cmocka_unit_test(test_parse_hostile),
		cmocka_unit_test(test_not_go),	 cmocka_unit_test(test_forms),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
