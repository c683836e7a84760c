/*
 * step.c - other parts of the plan while a recording runs: the turn from one link to the next, pauses.
 */
#include "base/log.h"
#include "capture/budget.h"
#include "capture/inside.h"

/* What was recorded up to now, with the plan told where it changed, at ts. */
static int deliver_plan(struct capture *c, enum plan_rung rung, uint64_t flags, uint64_t ts,
			struct diag *d)
{
	int err;

	c->turn = (struct turn){ .ts = ts, .plan = plan_rung_plan(rung),
				 .flags = REC_PLAN_STEP | flags };
	err = deliver(c, false, d);
	if (!err && c->turn.ts)
		err = deliver_turn(c);
	return err;
}

/* *ret_ns: from when on the rung's parts are watched, and no others. */
static int capture_switch(struct capture *c, enum plan_rung rung, uint64_t *ret_ns,
			  struct diag *d)
{
	int err;

	attach_plain_wakes(c->attach, budget_plain(rung, rung_of(c->opts.plan)));
	attach_name_parks(c->attach, plan_rung_plan(rung) == REC_PLAN_STOP);
	err = attach_switch(c->attach, plan_rung_parts(rung) & c->parts, d);
	*ret_ns = clock_mono_ns();
	return err;
}

/* Waits for the kernel; begin_ns: since when probes were there without being watched. */
static void capture_let_go(struct capture *c, enum plan_rung rung, uint64_t begin_ns)
{
	uint64_t took;

	attach_let_go(c->attach);
	took = clock_mono_ns() - begin_ns;
	c->switch_ns += took;
	log_debug("probes switched to %s in %.1f ms", plan_rung_name(rung), (double)took / 1e6);
}

/* The pause begins when the programs stop, not when the last probe is gone. */
static int capture_pause(struct capture *c, const char *note, struct diag *d)
{
	uint64_t begin, switched;
	int err;

	attach_arm(c->attach, false);
	begin = clock_mono_ns();
	err = capture_switch(c, RUNG_PAUSED, &switched, d);
	capture_let_go(c, RUNG_PAUSED, begin); /* no program runs any more, either */
	if (!err)
		err = deliver(c, true, d);
	if (!err)
		err = deliver_note(c, begin, note);
	return err ? err
		   : deliver_own(c, HOOK_PLAN, begin, plan_rung_plan(RUNG_PAUSED),
				 REC_PLAN_STEP | REC_PLAN_PAUSED);
}

static int capture_resume(struct capture *c, enum plan_rung rung, struct diag *d)
{
	uint64_t begin = clock_mono_ns(), switched;
	int err = capture_switch(c, rung, &switched, d);

	capture_let_go(c, rung, begin);
	if (!err)
		err = deliver_clock(c);
	if (!err)
		err = deliver_plan(c, rung, REC_PLAN_RESUMED, clock_mono_ns(), d);
	if (err)
		return err;
	if (attach_execed(c->attach))
		return 0; /* another program by now: capture_execed says so */
	attach_arm(c->attach, true);
	return capture_snapshot(c, d);
}

int capture_step(struct capture *c, enum plan_rung rung, const char *note, struct diag *d)
{
	enum plan_rung was = c->rung;
	uint64_t switched;
	int err;

	c->rung = rung;
	if (rung == RUNG_PAUSED)
		return capture_pause(c, note, d);
	if (was == RUNG_PAUSED) {
		err = capture_resume(c, rung, d);
	} else {
		err = capture_switch(c, rung, &switched, d);
		if (!err)
			err = deliver_plan(c, rung, 0, switched, d);
		capture_let_go(c, rung, switched);
	}
	return err ? err : deliver_note(c, clock_mono_ns(), note);
}
