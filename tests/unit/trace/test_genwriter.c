/* test_genwriter.c - what the writer makes, the order rules accept, in every format. */
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

#include "base/limits.h"
#include "trace/evspec.h"
#include "trace/genwriter.h"
#include "trace/ordercheck.h"
#include "trace/reader.h"

static const unsigned formats[] = { 22, 23, 25, 26 };

static struct genwriter *open_gen(unsigned format, struct buf *out)
{
	struct genwriter *w = genwriter_new(format, 1);
	uint8_t header[16];

	assert_non_null(w);
	genwriter_header(format, header);
	buf_reset(out);
	buf_bytes(out, header, sizeof(header));
	genwriter_begin(w, 1, 10);
	return w;
}

static void event(struct genwriter *w, uint64_t m, unsigned type, uint64_t ts, uint64_t a, uint64_t b,
		  uint64_t c)
{
	uint64_t args[] = { a, b, c };

	assert_int_equal(genwriter_event(w, m, type, ts, args, evspec_get(type)->nargs), 0);
}

static void close_gen(struct genwriter *w, struct buf *out)
{
	struct gen_clock clock = { .ts = 10, .mono_ns = 5000, .wall_ns = 1700000000123456789 };

	assert_int_equal(genwriter_end(w, &clock, out), 0);
}

static void judge(const struct buf *out, struct trace_counts *c)
{
	struct diag d = { 0 };

	if (order_check_mem(out->p, out->len, c, &d) < 0)
		fail_msg("%s", d.text);
}

/* Many threads, each with a P and a goroutine; batches that overflow. */
static void test_every_format(void **state)
{
	struct buf out = { 0 };

	(void)state;
	for (size_t f = 0; f < 4; f++) {
		struct genwriter *w = open_gen(formats[f], &out);
		uint64_t ts = 10, reason = genwriter_string(w, "sync", 4);
		struct trace_counts c;

		for (uint64_t m = 0; m < 300; m++) {
			event(w, 1000 + m, EV_PROC_STATUS, ts++, m, TRACE_PROC_RUNNING, 0);
			event(w, 1000 + m, EV_GO_STATUS, ts++, m + 1, 1000 + m, TRACE_GO_RUNNING);
		}
		for (uint64_t i = 0; i < 30000; i++) {
			uint64_t m = i % 7;

			event(w, 1000 + m, EV_GO_STOP, ts++, reason, 0, 0);
			event(w, 1000 + m, EV_GO_START, ts++, m + 1, i / 7 + 1, 0);
		}
		assert_int_equal(genwriter_events(w), 60600);
		assert_true(genwriter_size(w) > 200000);
		close_gen(w, &out);
		judge(&out, &c);
		assert_int_equal(c.events, 60600);
		assert_int_equal(c.version, formats[f]);
		genwriter_free(w);
	}
	buf_done(&out);
}

/* W3: what the header's readers do not know is not written. */
static void test_unknown_to_the_format(void **state)
{
	struct buf out = { 0 };
	struct genwriter *w = open_gen(22, &out);
	uint64_t args[4] = { 1, TRACE_NO_M, TRACE_GO_WAITING, 0 };

	(void)state;
	assert_int_equal(genwriter_event(w, 5, EV_GO_STATUS_STACK, 11, args, 4), -EINVAL);
	assert_int_equal(genwriter_event(w, 5, EV_GO_STATUS, 9, args, 3), -EINVAL); /* before gen */
	assert_int_equal(genwriter_event(w, 5, EV_GO_STATUS, 11, args, 2), -EINVAL);
	assert_int_equal(genwriter_event(w, 5, EV_GO_STATUS, 20, args, 3), 0);
	assert_int_equal(genwriter_event(w, 5, EV_GO_STATUS, 19, args, 3), -EINVAL); /* time falls */
	genwriter_free(w);
	assert_null(genwriter_new(24, 1));
	assert_null(genwriter_new(27, 1));
	genwriter_free(NULL);
	buf_done(&out);
}

/* The string with this id, as a reader sees it in the first generation. */
static void read_string(const struct buf *out, uint64_t id, char *ret, size_t cap)
{
	struct source s;
	struct reader *r;
	struct reader_event e;
	struct diag d;
	bool found = false;

	assert_int_equal(source_open_mem(&s, out->p, out->len), 0);
	assert_int_equal(reader_new(&s, false, &r, &d), 0);
	while (reader_next(r, &e, &d) > 0) {
		const struct gen_str *str = e.gen ? gen_str_get(e.gen, id) : NULL;

		if (str && !found) {
			snprintf(ret, cap, "%s", str->s.p);
			found = true;
		}
	}
	reader_free(r);
	assert_true(found);
}

/* Equal strings, one id; long ones keep their tail; none is 0. */
static void test_strings(void **state)
{
	char text[3000], got[3000];
	struct buf out = { 0 };
	struct genwriter *w = open_gen(25, &out);
	struct trace_counts c;
	uint64_t id;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	assert_int_equal(genwriter_string(w, "", 0), 0);
	id = genwriter_string(w, text, sizeof(text));
	assert_int_equal(genwriter_string(w, text + 5, sizeof(text) - 5), id); /* the same tail */
	assert_int_equal(genwriter_string(w, text + sizeof(text) - LIMIT_STRING, LIMIT_STRING), id);
	for (unsigned i = 0; i < 20000; i++) {
		char num[16];
		int n = snprintf(num, sizeof(num), "name-%u", i);
		uint64_t a = genwriter_string(w, num, (size_t)n);

		assert_true(a > id);
		assert_int_equal(genwriter_string(w, num, (size_t)n), a);
	}
	event(w, 1, EV_PROC_STATUS, 11, 0, TRACE_PROC_RUNNING, 0);
	event(w, 1, EV_GO_STATUS, 12, 1, 1, TRACE_GO_RUNNING);
	event(w, 1, EV_GO_STOP, 13, id, 0, 0);
	close_gen(w, &out);
	judge(&out, &c);
	read_string(&out, id, got, sizeof(got));
	assert_int_equal(strlen(got), LIMIT_STRING);
	assert_memory_equal(got, text + sizeof(text) - LIMIT_STRING, LIMIT_STRING);
	genwriter_free(w);
	buf_done(&out);
}

/* Stacks of the largest size with the largest numbers, many of them: no batch is too large. */
static void test_big_stacks(void **state)
{
	struct gen_frame frames[LIMIT_FRAMES + 10];
	struct buf out = { 0 };
	struct genwriter *w = open_gen(26, &out);
	struct trace_counts c;

	(void)state;
	event(w, 1, EV_PROC_STATUS, 11, 0, TRACE_PROC_RUNNING, 0);
	event(w, 1, EV_GO_STATUS, 12, 1, 1, TRACE_GO_RUNNING);
	for (uint64_t id = 1; id <= 300; id++) {
		for (unsigned i = 0; i < LIMIT_FRAMES + 10; i++)
			frames[i] = (struct gen_frame){ .pc = UINT64_MAX - id * 1000 - i, .func = "f",
							.file = "g.go", .line = UINT32_MAX };
		genwriter_stack(w, id, frames, LIMIT_FRAMES + 10); /* too deep: cut */
		event(w, 1, EV_GO_STOP, 12 + id * 2, genwriter_string(w, "preempted", 9), id, 0);
		event(w, 1, EV_GO_START, 13 + id * 2, 1, id, 0);
	}
	close_gen(w, &out);
	judge(&out, &c);
	assert_int_equal(c.types[EV_GO_STOP], 300);
	genwriter_free(w);
	buf_done(&out);
}

/* W2: the second generation has ids and threads of its own. */
static void test_generations_stand_alone(void **state)
{
	struct buf out = { 0 };
	struct genwriter *w = open_gen(25, &out);
	struct trace_counts c;
	uint64_t id;

	(void)state;
	id = genwriter_string(w, "sync", 4);
	event(w, 1, EV_PROC_STATUS, 11, 0, TRACE_PROC_RUNNING, 0);
	event(w, 1, EV_GO_STATUS, 12, 1, 1, TRACE_GO_RUNNING);
	event(w, 1, EV_GO_BLOCK, 13, id, 0, 0);
	close_gen(w, &out);
	genwriter_begin(w, 2, 100);
	assert_int_equal(genwriter_events(w), 0);
	event(w, 1, EV_PROC_STATUS, 100, 0, TRACE_PROC_RUNNING, 0);
	event(w, 7, EV_GO_STATUS, 100, 1, TRACE_NO_M, TRACE_GO_WAITING);
	event(w, 7, EV_GO_UNBLOCK, 101, 1, 1, 0);
	close_gen(w, &out);
	judge(&out, &c);
	assert_int_equal(c.generations, 2);
	genwriter_free(w);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_format), cmocka_unit_test(test_unknown_to_the_format),
		cmocka_unit_test(test_strings),	     cmocka_unit_test(test_big_stacks),
		cmocka_unit_test(test_generations_stand_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
