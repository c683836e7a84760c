#include "model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/state.h"

enum {
	HELD_MAX = 64 * 1024 * 1024, /* records kept for the snapshot: some seconds at 300,000/s */
	/*
	 * The snapshot can have met a new goroutine whose probe is still to be hit, since newproc1 lists
	 * it first; its thread may be late by this much.
	 */
	SNAP_SLACK_NS = 1000000,
};

int model_new(const struct model_opts *opts, struct model **ret)
{
	struct model *mo = calloc(1, sizeof(*mo));

	if (!mo)
		return -ENOMEM;
	mo->opts = *opts;
	mo->w = genwriter_new(opts->format, TICK_NS);
	mo->stacks = stacks_new();
	mo->holding = true;
	if (!mo->w || !mo->stacks) {
		int err = evspec_version_known(opts->format) ? -ENOMEM : -EINVAL;

		model_free(mo);
		return err;
	}
	if (opts->unblock_pc)
		mo->unblock_stack =
			stacks_intern(mo->stacks, &opts->unblock_pc, 1, 0, STACK_ENTRY_PC);
	*ret = mo;
	return 0;
}

static void map_free_all(struct map *m)
{
	struct map_slot slot;

	for (size_t pos = 0; map_next(m, &pos, &slot);)
		free((void *)(uintptr_t)slot.val);
	map_done(m);
}

void model_free(struct model *mo)
{
	struct g *g;

	if (!mo)
		return;
	for (size_t pos = 0; g_next(mo, &pos, &g);)
		regions_forget(g);
	map_free_all(&mo->gs);
	map_free_all(&mo->ps);
	map_free_all(&mo->ms);
	map_done(&mo->gptrs);
	map_done(&mo->p_ids);
	map_done(&mo->tasks);
	genwriter_free(mo->w);
	stacks_free(mo->stacks);
	buf_done(&mo->out);
	buf_done(&mo->held);
	free(mo);
}

/* One record of a trace that has begun. */
static void model_take(struct model *mo, const struct rec *r)
{
	/* A snapshot's record may be older than what stands before it: time never falls. */
	uint64_t ts = r->ts > mo->t0 ? (r->ts - mo->t0) / TICK_NS : 1;

	if (ts > mo->rec_ts)
		mo->rec_ts = ts;
	gen_tick(mo);
	if (!mo->err)
		apply(mo, r);
}

static void model_begin(struct model *mo)
{
	size_t off = 0;

	mo->holding = false;
	if (mo->held.len == 0)
		return;
	start_infer(mo);
	if (mo->err)
		return;
	mo->rec_ts = 1;
	gen_open(mo);
	while (off < mo->held.len && !mo->err) {
		const struct rec *r = (const struct rec *)(mo->held.p + off);

		off += r->len;
		model_take(mo, r);
	}
	buf_done(&mo->held);
}

int model_record(struct model *mo, const struct rec *r)
{
	if (mo->err)
		return mo->err;
	mo->stats.records++;
	if (r->hook < HOOK_COUNT)
		mo->stats.by_hook[r->hook]++;
	if (r->hook == HOOK_CLOCK) {
		mo->clock_mono = r->ts;
		mo->clock_wall = r->x;
	}
	if (!mo->t0) {
		mo->t0 = r->ts - TICK_NS; /* the first tick is 1: readers take 0 for "unset" */
		mo->stats.first_ns = r->ts;
	}
	if (r->ts > mo->stats.last_ns)
		mo->stats.last_ns = r->ts;
	if (mo->holding && mo->snap_end && r->ts > mo->snap_end + SNAP_SLACK_NS)
		model_begin(mo);
	if (mo->err)
		return mo->err;
	if (!mo->holding) {
		if (!mo->gen) /* nothing was held */
			gen_open(mo);
		model_take(mo, r);
		return mo->err;
	}
	buf_bytes(&mo->held, r, r->len);
	if (mo->held.failed)
		mo->err = -ENOMEM;
	else if (mo->held.len > HELD_MAX)
		model_begin(mo);
	if (r->hook == HOOK_SNAP_END)
		mo->snap_end = r->ts;
	return mo->err;
}

int model_finish(struct model *mo)
{
	if (mo->holding && !mo->err)
		model_begin(mo);
	if (mo->gen && !mo->err)
		gen_close(mo);
	mo->gen = 0;
	return mo->err;
}

int model_cut(struct model *mo)
{
	if (mo->holding && mo->snap_end && !mo->err)
		model_begin(mo); /* nothing happened since */
	if (mo->gen && !mo->err && !mo->stw_open) {
		gen_close(mo);
		if (!mo->err)
			gen_open(mo);
	}
	return mo->err;
}

bool model_owes_note(const struct model *mo)
{
	return mo->note_cnt != 0;
}

const struct model_stats *model_get_stats(const struct model *mo)
{
	return &mo->stats;
}

bool model_holds(const struct model *mo)
{
	return mo->holding;
}

uint64_t model_goid(const struct model *mo, uint64_t g)
{
	const struct g *x = g_by_ptr(mo, g);

	return x ? x->goid : 0;
}
