#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "trace/source.h"

enum { LEN = 1000000 };

static uint8_t *pattern(void)
{
	uint8_t *p = malloc(LEN);

	assert_non_null(p);
	for (size_t i = 0; i < LEN; i++)
		p[i] = (uint8_t)(i * 7 + (i >> 9));
	return p;
}

/* Takes everything in odd pieces and compares. */
static void drain(struct source *s, const uint8_t *want)
{
	struct buf own = { 0 };
	size_t at = 0;

	while (source_need(s, 70001)) {
		size_t n = s->len < 70001 ? s->len : 70001;
		const uint8_t *p;

		assert_int_equal(s->base, at);
		assert_int_equal(source_take(s, n, &own, &p), 0);
		assert_memory_equal(p, want + at, n);
		at += n;
	}
	assert_int_equal(s->err, 0);
	assert_true(s->eof);
	assert_int_equal(at, LEN);
	buf_done(&own);
	source_done(s);
}

static int file_of(const void *p, size_t n)
{
	int fd = memfd_create("test", 0);

	assert_int_equal(write(fd, p, n), (ssize_t)n);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static size_t gzip(const uint8_t *p, size_t n, uint8_t *out, size_t cap)
{
	z_stream z = { .next_in = (void *)(uintptr_t)p,
		       .avail_in = (uInt)n,
		       .next_out = out,
		       .avail_out = (uInt)cap };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return cap - z.avail_out;
}

static void all_ways(void **state)
{
	uint8_t *p = pattern(), *z = malloc(2 * LEN);
	size_t half = gzip(p, LEN / 2, z, LEN),
	       n = half + gzip(p + LEN / 2, LEN / 2, z + half, LEN);
	struct source s;
	int fd = file_of(p, LEN), zfd = file_of(z, n);

	(void)state;
	assert_int_equal(source_open_mem(&s, p, LEN), 0);
	assert_ptr_equal(s.p, p); /* S2 */
	drain(&s, p);
	assert_int_equal(source_open_fd(&s, fd, true), 0);
	drain(&s, p);
	assert_int_equal(close(fd), -1);		/* it was ours to close */
	assert_int_equal(source_open_mem(&s, z, n), 0); /* two members */
	drain(&s, p);
	assert_int_equal(source_open_fd(&s, zfd, false), 0);
	drain(&s, p);
	assert_int_equal(close(zfd), 0); /* it was not */
	free(p);
	free(z);
}

static void damaged(void **state)
{
	uint8_t *p = pattern(), *z = malloc(LEN);
	size_t n = gzip(p, LEN, z, LEN);
	struct source s;

	(void)state;
	assert_int_equal(source_open_mem(&s, z, n / 2), 0);
	assert_true(source_need(&s, LEN) < LEN);
	assert_int_equal(s.err, -EBADMSG);
	assert_string_equal(source_why(&s), "the compressed file ends too early");
	assert_true(s.len > LEN / 4); /* S3: what came before is there */
	assert_memory_equal(s.p, p, s.len);
	source_done(&s);
	memset(z + n / 2, 0xff, 64);
	assert_int_equal(source_open_mem(&s, z, n), 0);
	source_need(&s, LEN);
	assert_int_equal(s.err, -EBADMSG);
	source_done(&s);
	assert_int_equal(source_open_fd(&s, 1 << 20, false), -EBADF);
	free(p);
	free(z);
}

static void empty(void **state)
{
	struct source s;
	int fd = file_of("", 0);

	(void)state;
	assert_int_equal(source_open_mem(&s, NULL, 0), 0);
	assert_int_equal(source_need(&s, 1), 0);
	source_done(&s);
	assert_int_equal(source_open_fd(&s, fd, true), 0);
	assert_int_equal(source_need(&s, 1), 0);
	source_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_ways), cmocka_unit_test(damaged),
					    cmocka_unit_test(empty) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
