#include "wire.h"

#include <errno.h>

static const char text[] = "Trace Go1.26\n"
			   "EventBatch gen=1 m=7 time=100 size=12\n"
			   "GoStart dt=3 g=5 g_seq=1\n"
			   "Strings\n"
			   "String id=5\n"
			   "\tdata=\"a\\\"b\\\\ \\n\\x00\\xff \xc3\xa9\"\n"
			   "Stacks\n"
			   "Stack id=5 nframes=2\n"
			   "\tpc=1241251 func=3 file=6 line=124\n"
			   "\tpc=18446744073709551615 func=6 file=3 line=64\n"
			   "ExperimentalBatch exp=1 gen=1 m=3 time=9\n"
			   "\tdata=\"\\x01\"\n"
			   "EndOfGeneration\n";

static void round_trip(void **state)
{
	struct buf wire = { 0 }, back = { 0 };
	struct diag d;

	(void)state;
	assert_int_equal(rawtext_to_wire(text, sizeof(text) - 1, &wire, &d), 0);
	assert_memory_equal(
		wire.p,
		"go 1.26 trace\0\0\0\x01\x01\x07\x64\x0c\x10\x03\x05\x01\x04\x05\x05\x0b"
		"a\"b\\ \n\0\xff \xc3\xa9",
		39);
	assert_int_equal(rawtext_from_wire(wire.p, wire.len, &back, &d), 0);
	assert_int_equal(back.len, sizeof(text) - 1);
	assert_memory_equal(back.p, text, back.len);
	buf_done(&wire);
	buf_done(&back);
}

static void loose_text(void **state)
{
	static const char loose[] =
		"# a comment\n\n  Trace   Go1.22 # too\nGoStart\tdt=1 g=2   g_seq=3#x\n"
		"String id=1\n data=\"\\u00e9\\t\"   ";
	struct buf wire = { 0 };
	struct diag d;

	(void)state;
	assert_int_equal(rawtext_to_wire(loose, sizeof(loose) - 1, &wire, &d), 0);
	assert_memory_equal(wire.p + 16, "\x10\x01\x02\x03\x05\x01\x03\xc3\xa9\t", wire.len - 16);
	assert_int_equal(wire.len, 26);
	buf_done(&wire);
}

static void bad_text(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "line 0: expected \"Trace" },
		{ "Trace Go1.24", "no trace format is called 1.24" },
		{ "Trace Go1.22\nGoSwitch dt=1 g=1 g_seq=1", "line 2: no event" },
		{ "Trace Go1.22\nGoStart dt=1 g=1", "expected the argument g_seq" },
		{ "Trace Go1.22\nGoStart dt=1 g=1 g_seq=18446744073709551616", "not a number" },
		{ "Trace Go1.22\nProcStop dt=1 x", "more than belongs" },
		{ "Trace Go1.22\nStack id=1 nframes=2\npc=1 func=1 file=1 line=1",
		  "within a stack" },
		{ "Trace Go1.22\nString id=1", "before the data" },
		{ "Trace Go1.22\nString id=1\ndata=\"a", "expected data" },
		{ "Trace Go1.22\nString id=1\ndata=\"\\q\"", "expected data" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf wire = { 0 };
		struct diag d;

		assert_true(rawtext_to_wire(cases[i].text, strlen(cases[i].text), &wire, &d) < 0);
		if (!strstr(d.text, cases[i].why))
			fail_msg("%s", d.text);
		buf_done(&wire);
	}
}

static void bad_wire(void **state)
{
	struct buf w = { 0 }, out = { 0 };
	struct diag d;

	(void)state;
	wire_head(&w, 22);
	wire_events(&w, "ProcStop dt=1\nGoStart dt=300 g=1 g_seq=2");
	assert_int_equal(rawtext_from_wire(w.p, w.len - 2, &out, &d), -EBADMSG);
	assert_int_equal(d.off, 18);
	assert_string_equal((buf_u8(&out, 0), (char *)out.p), "Trace Go1.22\nProcStop dt=1\n");
	buf_reset(&out);
	w.p[16] = EV_GO_SWITCH;
	assert_int_equal(rawtext_from_wire(w.p, w.len, &out, &d), -EBADMSG);
	assert_int_equal(d.off, 16);
	buf_done(&w);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(round_trip),
					    cmocka_unit_test(loose_text),
					    cmocka_unit_test(bad_text),
					    cmocka_unit_test(bad_wire) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
