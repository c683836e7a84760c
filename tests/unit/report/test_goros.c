#include "scene.h"

static void times_by_state(void **state)
{
	struct report *r = scene_report();
	const struct group *m = group_of(r, "main.main"), *w = group_of(r, "main.worker");

	(void)state;
	assert_int_equal(m->cnt, 1);
	assert_int_equal(m->st.exec, 400 + 3300); /* since the generation's begin, not its status */
	assert_int_equal(m->st.sched, 200);
	assert_int_equal(tally_of(r, &m->st.blocks, "chan receive"), 100);
	assert_int_equal(tally_of(r, &m->st.blocks, "sleep"), 1001);
	assert_int_equal(m->st.total, 5001);
	assert_int_equal(m->unknown, 0);
	assert_int_equal(tally_of(r, &m->st.ranges, "stop-the-world (GC mark termination)"), 100);
	assert_int_equal(tally_of(r, &m->st.ranges, "GC mark assist"), 100);
	assert_int_equal(tally_of(r, &m->st.ranges, "GC incremental sweep"), 50);

	assert_int_equal(w->st.exec, 500 + 100 + 250 + 490);
	assert_int_equal(w->st.sched, 200 + 100 + 200 + 260);
	assert_int_equal(w->st.syscall, 100);
	assert_int_equal(w->st.sysblock, 300);
	assert_int_equal(tally_of(r, &w->st.blocks, "chan send"), 500);
	assert_int_equal(w->st.total, 3000);
	assert_int_equal(w->ended, 1);
	assert_int_equal(r->goros.seen, 2);
	assert_int_equal(r->goros.created, 1);
	assert_int_equal(r->goros.ended, 1);
	assert_int_equal(r->goros.live_max, 2);
	assert_int_equal(r->goros.live.cnt, 1); /* what ended is forgotten */
	report_free(r);
}

static struct gotrace_event go(int64_t t, int64_t id, uint8_t from, uint8_t to, const char *reason)
{
	return (struct gotrace_event){
		.kind = GOTRACE_STATE_TRANSITION,
		.time = t,
		.goroutine = -1,
		.proc = 0,
		.thread = 1,
		.u.transition = {.resource = {GOTRACE_RESOURCE_GOROUTINE, id},
				 .from = from,
				 .to = to,
				 .reason = {reason, strlen(reason)}},
	};
}

static struct gotrace_event proc_idle(int64_t t, int64_t p)
{
	return (struct gotrace_event){
		.kind = GOTRACE_STATE_TRANSITION,
		.time = t,
		.u.transition = {.resource = {GOTRACE_RESOURCE_PROC, p},
				 .from = GOTRACE_PROC_RUNNING,
				 .to = GOTRACE_PROC_IDLE,
				 .reason = {"", 0}},
	};
}

struct rig {
	struct intern in;
	struct groups groups;
	struct goros gs;
};

static void rig_up(struct rig *r)
{
	assert_int_equal(intern_init(&r->in), 0);
	assert_int_equal(groups_init(&r->groups, 0), 0);
	goros_init(&r->gs, &r->in, &r->groups);
}

static const struct group *rig_down(struct rig *r, int64_t t)
{
	goros_finish(&r->gs, t);
	assert_int_equal(r->groups.tab.cnt, 1);
	return tab_row(&r->groups.tab, 0);
}

static void rig_free(struct rig *r)
{
	goros_done(&r->gs);
	groups_done(&r->groups);
	intern_done(&r->in);
}

/* Go 1.27 summary.go, snapshotStat: a blocked syscall at the end is counted twice. */
static void syscall_at_the_end(void **state)
{
	struct rig r;
	struct stint st;
	struct gotrace_event ev;
	const struct group *g;

	(void)state;
	rig_up(&r);
	ev = go(100, 1, GOTRACE_GO_UNDETERMINED, GOTRACE_GO_RUNNING, "");
	goros_feed(&r.gs, &ev, &st);
	ev = go(150, 1, GOTRACE_GO_RUNNING, GOTRACE_GO_SYSCALL, "");
	assert_int_equal(goros_feed(&r.gs, &ev, &st), 1);
	assert_int_equal(st.state, GOTRACE_GO_RUNNING);
	assert_int_equal(st.end - st.start, 50);
	assert_true(st.clipped);
	ev = proc_idle(180, 0);
	assert_int_equal(goros_feed(&r.gs, &ev, &st), 0);
	g = rig_down(&r, 200);
	assert_int_equal(g->st.syscall, 50);
	assert_int_equal(g->st.sched, 20);
	assert_int_equal(g->st.sysblock, 0);
	rig_free(&r);
}

/* "forever" ends a goroutine: what follows is not its time. */
static void forever(void **state)
{
	struct rig r;
	struct stint st;
	struct gotrace_event ev;
	const struct group *g;

	(void)state;
	rig_up(&r);
	ev = go(100, 1, GOTRACE_GO_NOT_EXIST, GOTRACE_GO_RUNNABLE, "");
	goros_feed(&r.gs, &ev, &st);
	ev = go(110, 1, GOTRACE_GO_RUNNABLE, GOTRACE_GO_RUNNING, "");
	goros_feed(&r.gs, &ev, &st);
	ev = go(150, 1, GOTRACE_GO_RUNNING, GOTRACE_GO_WAITING, "forever");
	goros_feed(&r.gs, &ev, &st);
	g = rig_down(&r, 1000);
	assert_int_equal(g->st.total, 50);
	assert_int_equal(g->st.exec, 40);
	assert_int_equal(g->st.blocks.cnt, 0);
	assert_int_equal(g->ended, 1);
	assert_int_equal(g->unknown, 0);
	rig_free(&r);
}

/* A status that repeats what is known ends nothing. */
static void repeated_status(void **state)
{
	struct rig r;
	struct stint st;
	struct gotrace_event ev;

	(void)state;
	rig_up(&r);
	ev = go(100, 1, GOTRACE_GO_UNDETERMINED, GOTRACE_GO_WAITING, "");
	assert_int_equal(goros_feed(&r.gs, &ev, &st), 0);
	assert_int_equal(r.gs.counts[GOTRACE_GO_WAITING], 1);
	ev = go(500, 1, GOTRACE_GO_WAITING, GOTRACE_GO_WAITING, "");
	assert_int_equal(goros_feed(&r.gs, &ev, &st), 0);
	goros_restart(&r.gs, 600);
	ev = go(700, 1, GOTRACE_GO_WAITING, GOTRACE_GO_RUNNABLE, "");
	assert_int_equal(goros_feed(&r.gs, &ev, &st), 1);
	assert_int_equal(st.start, 600); /* of the window only */
	assert_true(st.clipped);
	assert_int_equal(r.gs.counts[GOTRACE_GO_WAITING], 0);
	assert_int_equal(r.gs.counts[GOTRACE_GO_RUNNABLE], 1);
	rig_down(&r, 900);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_by_state),
		cmocka_unit_test(syscall_at_the_end),
		cmocka_unit_test(forever),
		cmocka_unit_test(repeated_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
