/*
 * test_golden.c - histories and the very bytes they become, as text in tests/golden/model-*.txt.
 *
 * The first line of a golden file says what readers must find: SUCCESS, or FAILURE and a word of the
 * message. GOLDEN_WRITE=1 (make golden) writes them anew; their difference is to be reviewed.
 */
#include "unit/model/script.h"

#include "trace/rawtext.h"

static void syscalls(struct script *s)
{
	RS(s, PCS(0x401001, 0x402001), HOOK_SYSCALL_ENTER, 101, G(1), P(0));
	R(s, HOOK_SYSCALL_EXIT, 101, G(1), P(0));
	R(s, HOOK_PARK, 101, G(1), P(0), .x = 4);
	R(s, HOOK_RELEASE, 101, P(0));
}

static void coroutines(struct script *s)
{
	R(s, HOOK_CREATE, 101, G(5), P(0), .x = 0x403000, .gstatus = 4);
	R(s, HOOK_COROSWITCH, 101, G(1), P(0), .x = GPTR(5), .y = 5);
	R(s, HOOK_COROSWITCH, 101, G(5), P(0), .x = GPTR(1), .y = 1, .flags = REC_F_COROEXIT);
}

static void generations(struct script *s)
{
	s->opts.gen_ns = 1000;
	R(s, HOOK_PROCRESIZE, 101, G(1), P(0), .x = 2);
	R(s, HOOK_GC_BEGIN, 101, G(1), P(0));
	s->ts += 5000;
	R(s, HOOK_GC_END, 101, G(1), P(0));
}

static const struct {
	const char *name;
	unsigned format;
	void (*play)(struct script *s);
} histories[] = {
	{ "syscalls-25", 25, syscalls },       { "coroutines-22", 22, coroutines },
	{ "coroutines-23", 23, coroutines },   { "generations-26", 26, generations },
};

static void read_file(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;

	if (!f)
		fail_msg("%s is not there; make golden writes it", path);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_bytes(b, part, n);
	fclose(f);
}

static void write_file(const char *path, const struct buf *b)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(b->p, 1, b->len, f), b->len);
	assert_int_equal(fclose(f), 0);
}

static void test_histories(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(histories); i++) {
		struct buf text = { 0 }, golden = { 0 }, wire = { 0 };
		size_t head = strlen("SUCCESS\n");
		struct script s;
		struct diag d;
		char path[128];

		snprintf(path, sizeof(path), "tests/golden/model-%s.txt", histories[i].name);
		script_begin(&s);
		s.opts.format = histories[i].format;
		histories[i].play(&s);
		script_run(&s); /* lawful, by the order rules */
		buf_printf(&text, "SUCCESS\n");
		assert_int_equal(rawtext_from_wire(s.trace.p, s.trace.len, &text, &d), 0);
		if (getenv("GOLDEN_WRITE"))
			write_file(path, &text);
		read_file(path, &golden);
		buf_u8(&golden, 0);
		buf_u8(&text, 0);
		assert_string_equal((char *)text.p, (char *)golden.p);
		assert_int_equal(rawtext_to_wire((char *)golden.p + head, golden.len - head - 1, &wire, &d),
				 0);
		assert_int_equal(lab_judge(&wire, NULL, &d), 0);
		buf_done(&text);
		buf_done(&golden);
		buf_done(&wire);
		script_done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
