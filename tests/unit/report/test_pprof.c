#include "scene.h"

#include <zlib.h>

#include "base/span.h"
#include "report/pprof.h"

/* One profile of one stack with two frames. */
static void profile_one(struct profile *p)
{
	static struct gotrace_frame f[2] = {
		{.pc = 0x1000, .line = 7, .func = {"main.leaf", 9}, .file = {"m.go", 4}},
		{.pc = 0x2000, .line = 9, .func = {"main.root", 9}, .file = {"m.go", 4}},
	};
	static const struct gotrace_frame *const fs[] = {&f[0], &f[1]};
	static const struct gotrace_stack s = {.id = 1, .hash = 77, .cnt = 2, .frames = fs};
	struct gotrace_event ev = {.kind = GOTRACE_STACK_SAMPLE, .time = 100, .stack = &s};

	assert_int_equal(profile_init(p, PROFILE_CPU), 0);
	profile_feed(p, &ev);
	ev.time = 1100;
	profile_feed(p, &ev);
	assert_int_equal(profile_finish(p), 0);
}

/* Walks the message's fields; counts them by number, and adds up what is asked for. */
static void fields(const struct buf *msg, unsigned cnt[16], struct span *ret_sample)
{
	struct span s = span_of(msg->p, msg->len);

	memset(cnt, 0, 16 * sizeof(*cnt));
	while (s.left) {
		uint64_t tag = span_uvarint(&s);

		assert_in_range(tag >> 3, 1, 15);
		cnt[tag >> 3]++;
		if ((tag & 7) == 0) {
			span_uvarint(&s);
			continue;
		}
		assert_int_equal(tag & 7, 2);
		uint64_t len = span_uvarint(&s);
		if (tag >> 3 == 2)
			*ret_sample = span_sub(&s, 0, len);
		span_skip(&s, len);
	}
	assert_false(s.bad);
}

static void message(void **state)
{
	struct profile p;
	struct buf msg = {0};
	unsigned cnt[16];
	struct span sample = {0};

	(void)state;
	profile_one(&p);
	assert_int_equal(pprof_encode(&p, &msg), 0);
	fields(&msg, cnt, &sample);
	assert_int_equal(cnt[1], 2);		 /* sample types */
	assert_int_equal(cnt[2], 1);		 /* samples */
	assert_int_equal(cnt[4], 2);		 /* locations */
	assert_int_equal(cnt[5], 2);		 /* functions */
	assert_int_equal(cnt[11], 1);		 /* period type */
	assert_int_equal(cnt[6], 1 + 4 + 2 + 3); /* "", types and units, period's, three names */
	assert_int_equal(span_uvarint(&sample), 1 << 3 | 2);
	assert_int_equal(span_uvarint(&sample), 2);
	assert_int_equal(span_uvarint(&sample), 1);
	assert_int_equal(span_uvarint(&sample), 2);
	assert_int_equal(span_uvarint(&sample), 2 << 3 | 2);
	span_uvarint(&sample);
	assert_int_equal(span_uvarint(&sample), 2);
	assert_int_equal(span_uvarint(&sample), 2 * PROFILE_CPU_PERIOD_NS);
	assert_int_equal(sample.left, 0);
	buf_done(&msg);
	profile_done(&p);
}

static void gzip_round_trip(void **state)
{
	struct buf in = {0}, gz = {0};
	uint8_t back[5000];
	z_stream z = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_printf(&in, "%d ", i % 37);
	assert_int_equal(pprof_gzip(&in, &gz), 0);
	assert_true(gz.len < in.len / 4);
	assert_int_equal(gz.p[0], 0x1f);
	assert_int_equal(gz.p[1], 0x8b);
	assert_int_equal(inflateInit2(&z, 31), Z_OK);
	z.next_in = gz.p;
	z.avail_in = (uInt)gz.len;
	z.next_out = back;
	z.avail_out = sizeof(back);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, in.len);
	assert_memory_equal(back, in.p, in.len);
	inflateEnd(&z);
	buf_done(&in);
	buf_done(&gz);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message),
		cmocka_unit_test(gzip_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
