/* test_rawfile.c - a capture comes back as it was; cut anywhere or damaged anywhere it is refused or read in part. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "capture/rawfile.h"

enum { RECORDS = 40 };

struct file {
	uint8_t *p;
	size_t len;
};

static const char *const reasons[] = { "one", "two", "" };

static struct rec *record(uint64_t *room, unsigned i)
{
	struct rec *r = (struct rec *)room;

	memset(room, 0, REC_MAX_LEN);
	*r = (struct rec){ .hook = HOOK_PARK, .ts = 100 + i, .goid = i, .npc = (uint8_t)(i % 5) };
	for (unsigned k = 0; k < r->npc; k++)
		r->pcs[k] = 0x400000 + i * 16 + k;
	r->len = (uint16_t)(sizeof(*r) + r->npc * 8);
	return r;
}

static struct file make(void)
{
	struct raw_meta m = { .go_minor = 26, .format = 25, .gen_ns = 1000000000, .gen_bytes = 1 << 20,
			      .unblock_pc = 0x1234, .version = "go1.26.1", .name = "prog" };
	struct rawfile_writer *w;
	uint64_t room[REC_MAX_LEN / 8];
	FILE *f = tmpfile();
	struct file ret;
	struct stat st;

	assert_non_null(f);
	assert_int_equal(raw_texts_copy(&m.wait_reasons, reasons, 3), 0);
	assert_int_equal(raw_texts_copy(&m.block_reasons, reasons, 2), 0);
	assert_int_equal(raw_texts_copy(&m.stw_reasons, reasons, 0), 0);
	assert_int_equal(rawfile_create(fileno(f), &m, &w), 0);
	for (unsigned i = 0; i < RECORDS; i++)
		assert_int_equal(rawfile_record(w, record(room, i)), 0);
	assert_int_equal(rawfile_finish(w, "symbols", 7), 0);
	rawfile_free(w);
	raw_meta_done(&m);
	assert_int_equal(fstat(fileno(f), &st), 0);
	ret.len = (size_t)st.st_size;
	ret.p = malloc(ret.len);
	assert_non_null(ret.p);
	assert_int_equal(pread(fileno(f), ret.p, ret.len, 0), st.st_size);
	fclose(f);
	return ret;
}

static void test_round_trip(void **state)
{
	struct file f = make();
	uint64_t room[REC_MAX_LEN / 8];
	const struct raw_meta *m;
	struct rawfile *raw;
	struct span syms;
	struct diag d;

	(void)state;
	assert_int_equal(rawfile_open(f.p, f.len, &raw, &d), 0);
	m = rawfile_meta(raw);
	assert_int_equal(m->go_minor, 26);
	assert_int_equal(m->format, 25);
	assert_int_equal(m->unblock_pc, 0x1234);
	assert_string_equal(m->version, "go1.26.1");
	assert_string_equal(m->name, "prog");
	assert_int_equal(m->wait_reasons.cnt, 3);
	assert_string_equal(m->wait_reasons.v[1], "two");
	assert_int_equal(m->stw_reasons.cnt, 0);
	for (unsigned i = 0; i < RECORDS; i++) {
		const struct rec *want = record(room, i), *got = rawfile_next(raw);

		assert_non_null(got);
		assert_memory_equal(got, want, want->len);
	}
	assert_null(rawfile_next(raw));
	assert_true(rawfile_whole(raw));
	syms = rawfile_symbols(raw);
	assert_int_equal(syms.left, 7);
	assert_memory_equal(syms.p, "symbols", 7);
	rawfile_close(raw);
	free(f.p);
}

/* A copy of exactly len bytes, so that a read past it is seen. */
static void open_part(const uint8_t *p, size_t len, size_t *ret_records, int *ret_err)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct rawfile *raw = NULL;
	struct diag d = { 0 };

	assert_non_null(copy);
	memcpy(copy, p, len);
	*ret_records = 0;
	*ret_err = rawfile_open(copy, len, &raw, &d);
	if (*ret_err == 0) {
		while (rawfile_next(raw))
			(*ret_records)++;
		rawfile_close(raw);
	} else {
		assert_true(d.text[0] != '\0');
	}
	free(copy);
}

static void test_cut_at_every_length(void **state)
{
	struct file f = make();
	size_t n, most = 0;
	int err;

	(void)state;
	for (size_t len = 0; len < f.len; len++) {
		open_part(f.p, len, &n, &err);
		assert_true(err == 0 || err == -EBADMSG);
		assert_true(n >= most); /* more bytes, no fewer records */
		most = n;
	}
	assert_int_equal(most, RECORDS); /* without its end it is still good */
	free(f.p);
}

static void test_every_byte_flipped(void **state)
{
	struct file f = make();
	size_t n;
	int err;

	(void)state;
	for (size_t i = 0; i < f.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			f.p[i] ^= (uint8_t)(1 << bit);
			open_part(f.p, f.len, &n, &err);
			assert_true(n <= RECORDS + 1);
			f.p[i] ^= (uint8_t)(1 << bit);
		}
	}
	free(f.p);
}

static void test_not_a_capture(void **state)
{
	struct rawfile *raw = (struct rawfile *)1;
	struct file f = make();
	struct diag d;

	(void)state;
	assert_int_equal(rawfile_open("go 1.25 trace\0\0\0", 16, &raw, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "not a capture"));
	f.p[8]++; /* its version */
	assert_int_equal(rawfile_open(f.p, f.len, &raw, &d), -ENOTSUP);
	assert_ptr_equal(raw, (struct rawfile *)1);
	free(f.p);
	rawfile_close(NULL);
}

/* The first error of writing stays. */
static void test_full_disk(void **state)
{
	struct raw_meta m = { .go_minor = 26 };
	struct rawfile_writer *w = NULL;
	FILE *f = fopen("/dev/full", "we");

	(void)state;
	if (!f)
		skip();
	assert_int_equal(rawfile_create(fileno(f), &m, &w), -ENOSPC);
	assert_null(w);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),	   cmocka_unit_test(test_cut_at_every_length),
		cmocka_unit_test(test_every_byte_flipped), cmocka_unit_test(test_not_a_capture),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
