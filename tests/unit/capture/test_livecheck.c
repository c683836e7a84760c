#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/num.h"
#include "capture/livecheck.h"
#include "unit/capture/liveprog.h"

static struct liveprog prog;

static int end_prog(void **state)
{
	(void)state;
	liveprog_end(&prog);
	return 0;
}

static void start_prog(const char *go, const char *flags)
{
	if (!liveprog_build(&prog, go, flags))
		skip();
	assert_true(liveprog_start(&prog, LIVE_RECEIVERS, LIVE_SPINNERS));
	if (!liveprog_open(&prog))
		fail();
}

/* The true layout holds, all the more while goroutines change their state. */
static void holds(void **state)
{
	const char *const *args = *state;
	struct livecheck l;
	struct diag d = { .text = "" };
	unsigned all = 0;

	start_prog(args[0], args[1]);
	for (unsigned i = 0; i < 50; i++) {
		int err = livecheck_run(&prog.live, &prog.target, &l, &d);

		if (err)
			fail_msg("try %u: %s", i, d.text);
		assert_int_equal(l.ps, 2);
		assert_true(l.ms >= 1 && l.ms <= 2);
		assert_true(l.gs >= prog.goroutines);
		assert_true(l.structs >= l.gs + l.dead);
		assert_true(l.waiting >= LIVE_RECEIVERS + 6);
		all += l.running >= 3; /* two spinners, the reader */
		assert_true(l.main_seen);
	}
	/* Now and then one is between two states when it is looked at. */
	assert_true(all >= 40);
}

/* Threads that C made have goroutines that nobody started. */
static void holds_cgo(void **state)
{
	const char *const *args = *state;
	struct livecheck l;
	struct diag d = { .text = "" };

	if (!liveprog_build_cgo(&prog, args[0], args[1]))
		skip();
	assert_true(liveprog_start(&prog, 0, 0));
	if (!liveprog_open(&prog))
		fail();
	for (unsigned i = 0; i < 50; i++)
		if (livecheck_run(&prog.live, &prog.target, &l, &d))
			fail_msg("try %u: %s", i, d.text);
	assert_true(l.gs >= prog.goroutines && l.running >= 1 && l.main_seen);
}

/* Every other version's layout that differs in what is read is refused. */
static void others_refused(void **state)
{
	static const unsigned versions[][2] = { { 19, 8 },  { 20, 14 }, { 21, 13 }, { 22, 12 },
						{ 23, 11 }, { 23, 12 }, { 24, 5 },  { 24, 13 },
						{ 25, 14 }, { 26, 11 }, { 27, 4 } };
	const char *const *args = *state;
	unsigned refused = 0;

	start_prog(args[0], args[1]);
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		const struct golayout *lay =
			golayout_find(IMAGE_AMD64, versions[i][0], versions[i][1]);
		const struct golayout *own = image_get_layout(prog.img);
		struct livecheck l;
		struct diag d = { .text = "" };
		struct golive v = prog.live;
		bool same;
		int err;

		if (!lay)
			continue;
		same = lay->g_atomicstatus == own->g_atomicstatus && lay->g_goid == own->g_goid &&
		       lay->m_procid == own->m_procid && lay->m_p == own->m_p &&
		       lay->p_m == own->p_m && lay->g_startpc == own->g_startpc &&
		       lay->m_curg == own->m_curg;
		v.lay = lay;
		assert_int_equal(golive_set_lengths(&v), 0);
		err = livecheck_run(&v, &prog.target, &l, &d);
		if (same != (err == 0))
			fail_msg("1.%u.%u on %s: %d %s", versions[i][0], versions[i][1], args[0],
				 err, d.text);
		if (err) {
			assert_int_equal(err, -EBADMSG);
			assert_non_null(strstr(d.text, "layout does not hold"));
			refused++;
		}
	}
	assert_true(refused >= 3);
}

/* One wrong field at a time: each invariant is there and names what it saw. */
static void one_field_wrong(void **state)
{
	const char *const *args = *state;
	struct golayout lay;
	struct livecheck l;
	struct diag d;
	struct golive v;

	start_prog(args[0], args[1]);
#define WRONG(field, off, word)                                                                    \
	do {                                                                                       \
		lay = *prog.live.lay;                                                              \
		lay.field = (uint16_t)(off);                                                       \
		v = prog.live;                                                                     \
		v.lay = &lay;                                                                      \
		assert_int_equal(golive_set_lengths(&v), 0);                                       \
		d.text[0] = '\0';                                                                  \
		if (livecheck_run(&v, &prog.target, &l, &d) != -EBADMSG || !strstr(d.text, word))  \
			fail_msg("%s: %s", #field, d.text);                                        \
	} while (0)
	WRONG(p_id, 16, "p.id");
	WRONG(p_m, lay.p_m + 8, "(p.m)");
	WRONG(m_p, lay.m_p + 8, "(p.m).p");
	WRONG(m_g0, 8, "g0");
	WRONG(m_procid, lay.m_procid + 8, "procid");
	WRONG(g_m, lay.g_m - 8, "m"); /* of g0 */
	WRONG(g_atomicstatus, lay.g_atomicstatus + 8, "allgs");
	WRONG(g_goid, lay.g_goid + 8, "allgs[0]"); /* schedlink: 0 or stale */
	WRONG(g_stack_hi, 0, "g.stack");
	WRONG(g_startpc, lay.g_startpc + 8, "startpc");
	WRONG(g_gopc, lay.g_gopc - 8, "gopc");
	WRONG(m_curg, lay.m_curg + 8, "");
	WRONG(g_sched_sp, lay.g_sched_pc, "sched.sp");
	WRONG(g_sched_bp, lay.g_sched_pc, "sched.bp");
	WRONG(g_sched_pc, lay.g_sched_sp, "sched.pc");
	WRONG(g_waitreason, lay.g_stack_lo + 1, "waitreason");
#undef WRONG
	assert_int_equal(livecheck_run(&prog.live, &prog.target, &l, &d), 0);
}

static void wrong_place(void **state)
{
	const char *const *args = *state;
	struct livecheck l;
	struct diag d = { .text = "" };
	struct golive v;

	start_prog(args[0], args[1]);
	v = prog.live;
	v.allglen = v.text;
	assert_int_equal(livecheck_run(&v, &prog.target, &l, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "allglen"));
	v = prog.live;
	v.allgptr = 8;
	assert_int_equal(livecheck_run(&v, &prog.target, &l, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "allgs"));
	v = prog.live;
	v.gomaxprocs = v.text;
	assert_int_equal(livecheck_run(&v, &prog.target, &l, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "gomaxprocs"));
	kill(prog.pid, SIGKILL);
	assert_int_equal(target_wait(&prog.target, 10000), 1);
	assert_int_equal(livecheck_run(&prog.live, &prog.target, &l, &d), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVEPROG_TEST(holds, "1.22.12", ""),
		LIVEPROG_TEST(holds, "1.23.12", ""),
		LIVEPROG_TEST(holds, "1.24.13", ""),
		LIVEPROG_TEST(holds, "1.25.14", "-ldflags=-s"),
		LIVEPROG_TEST(holds, "1.26.11", ""),
		LIVEPROG_TEST(holds, "1.27.4", ""),
		LIVEPROG_TEST(holds, "1.27.4", "-buildmode=pie"),
		LIVEPROG_TEST(holds_cgo, "1.22.12", ""),
		LIVEPROG_TEST(holds_cgo, "1.27.4", "-buildmode=pie"),
		LIVEPROG_TEST(others_refused, "1.22.12", ""),
		LIVEPROG_TEST(others_refused, "1.27.4", ""),
		LIVEPROG_TEST(one_field_wrong, "1.22.12", ""),
		LIVEPROG_TEST(one_field_wrong, "1.27.4", ""),
		LIVEPROG_TEST(wrong_place, "1.27.4", ""),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
