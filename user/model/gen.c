/*
 * gen.c - generations: everything that lives is announced first, so that each stands alone (M4).
 *
 * All announcements of a generation share its first time. That is lawful: they concern different
 * goroutines and Ps, and the two that belong together (a thread's P, then its goroutine) stand in
 * this order in the thread's own batch.
 */
#include "model/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

static unsigned g_status(const struct g *g)
{
	switch (g->state) {
	case G_RUNNING:
		return TRACE_GO_RUNNING;
	case G_SYSCALL:
		return TRACE_GO_SYSCALL;
	case G_WAITING:
		return g->coro22 ? TRACE_GO_RUNNABLE : TRACE_GO_WAITING;
	default:
		return TRACE_GO_RUNNABLE;
	}
}

static void announce_g(struct model *mo, struct g *g)
{
	uint64_t m = g->state == G_SYSCALL || g->state == G_RUNNING ? g->m->tid : TRACE_NO_M;

	g->seq = 0;
	if (g->stack && g->state != G_RUNNING && mo->opts.format >= 23)
		EV_AT(mo, g->m, mo->gen_start, EV_GO_STATUS_STACK, g->goid, m, g_status(g),
		      ev_stack(mo, g->stack));
	else
		EV_AT(mo, g->m, mo->gen_start, EV_GO_STATUS, g->goid, m, g_status(g));
	if (g->assist)
		EV_AT(mo, g->m, mo->gen_start, EV_GC_MARK_ASSIST_ACTIVE, g->goid);
}

static void announce_p(struct model *mo, struct p *p)
{
	static const uint8_t status[] = {
		[P_IDLE] = TRACE_PROC_IDLE,
		[P_RUNNING] = TRACE_PROC_RUNNING,
		[P_SYSCALL] = TRACE_PROC_SYSCALL,
		[P_ABANDONED] = TRACE_PROC_SYSCALL_ABANDONED,
	};

	p->seq = 0;
	EV_AT(mo, p->m, mo->gen_start, EV_PROC_STATUS, p->id, status[p->state]);
}

struct m *gen_any_running(struct model *mo)
{
	struct m *m;

	for (size_t pos = 0; m_next(mo, &pos, &m);) {
		if (m->g && m->g->state == G_RUNNING && m->pend == PEND_NONE)
			return m;
	}
	return NULL;
}

void gen_say_owed(struct model *mo, struct m *m)
{
	if (mo->back_ts)
		return; /* the past has room for what was put off only */
	if (mo->say_gc) {
		/* Past the first generation readers take GCActive only for a GC that they know of. */
		if ((mo->gen == 1 && !mo->epoch) || mo->gc_told)
			EV(mo, m, EV_GC_ACTIVE, ++mo->gc_seq);
		else
			EV(mo, m, EV_GC_BEGIN, ++mo->gc_seq, 0);
		mo->say_gc = false;
		mo->gc_told = true;
	}
	if (mo->say_procs) {
		EV(mo, m, EV_PROCS_CHANGE, mo->procs, 0);
		mo->say_procs = false;
	}
	if (mo->say_goal) {
		EV(mo, m, EV_HEAP_GOAL, mo->heap_goal);
		mo->say_goal = false;
	}
	for (size_t i = 0; i < mo->note_cnt; i++)
		EV(mo, m, EV_USER_LOG, 0, ev_text(mo, "gotrace-bpf"),
		   genwriter_string(mo->w, mo->notes[i].text, mo->notes[i].len), 0);
	mo->note_cnt = 0;
}

void gen_open(struct model *mo)
{
	struct g *g;
	struct p *p;
	struct m *m;

	mo->gen_start = ev_reserve(mo);
	genwriter_begin(mo->w, ++mo->gen, mo->gen_start);
	for (size_t pos = 0; p_next(mo, &pos, &p);)
		announce_p(mo, p);
	for (size_t pos = 0; g_next(mo, &pos, &g);) {
		if (g->state != G_NONE)
			announce_g(mo, g);
	}
	mo->say_procs = mo->procs != 0;
	mo->say_goal = mo->heap_goal != 0;
	mo->say_gc = mo->gc_active;
	mo->gen_base = genwriter_size(mo->w);
	m = gen_any_running(mo);
	if (m)
		gen_say_owed(mo, m);
}

void gen_note(struct model *mo, const char *text, size_t len)
{
	struct m *m;

	if (mo->note_cnt == MODEL_NOTES)
		return;
	mo->notes[mo->note_cnt].len = (uint16_t)(len < REC_NOTE_MAX ? len : REC_NOTE_MAX);
	memcpy(mo->notes[mo->note_cnt].text, text, mo->notes[mo->note_cnt].len);
	mo->note_cnt++;
	m = gen_any_running(mo);
	if (m)
		gen_say_owed(mo, m);
}

/*
 * A GC that runs must be told in each generation, and only a goroutine that runs can tell. If none
 * did in all this time, one does for a moment.
 */
static void gen_force_owed(struct model *mo)
{
	struct g *g = NULL, *o;
	struct m *m = NULL;
	size_t pos = 0;

	if (!mo->say_gc)
		return;
	(void)m_next(mo, &pos, &m); /* any */
	for (pos = 0; g_next(mo, &pos, &o) && !(g && g->state == G_RUNNABLE);) {
		if (o->state == G_RUNNABLE || o->state == G_WAITING)
			g = o;
	}
	m = m && g ? m_with_p(mo, m) : NULL;
	if (!m)
		return;
	repaired(mo, REPAIR_GC);
	m_drop_g(mo, m);
	if (g->state == G_WAITING)
		g_unblock(mo, m, g, mo->unblock_stack);
	g_start(mo, m, g);
	g_stop(mo, g, "preempted", 0);
}

/* Decides what waits for a next record. */
void gen_settle(struct model *mo)
{
	struct m *m;

	for (size_t pos = 0; m_next(mo, &pos, &m);)
		m_settle(mo, m, HOOK_NONE);
}

/* Forgets threads that hold nothing: they may have ended. */
static void ms_forget(struct model *mo)
{
	uint64_t tids[64];
	size_t n;

	do {
		struct m *m;

		n = 0;
		for (size_t pos = 0; n < ARRAY_LEN(tids) && m_next(mo, &pos, &m);) {
			if (m->g || m->p || m->needm)
				continue;
			tids[n++] = m->tid;
			m_resized(mo, m, false, 0);
			free(m);
		}
		for (size_t i = 0; i < n; i++)
			map_del(&mo->ms, tids[i]);
	} while (n == ARRAY_LEN(tids));
}

void gen_close(struct model *mo)
{
	struct gen_clock clock = { .ts = mo->gen_start };
	struct model_gen gen;
	int err;

	gen_settle(mo);
	gen_force_owed(mo);
	ms_forget(mo);
	stacks_write(mo->stacks, mo->opts.symbols, mo->w);
	mo->unblock_stack = mo->opts.unblock_pc ? stacks_intern(mo->stacks, &mo->opts.unblock_pc, 1,
								0, STACK_ENTRY_PC)
						: 0;
	clock.mono_ns = mo->t0 + mo->gen_start * TICK_NS;
	clock.wall_ns = mo->clock_wall + (clock.mono_ns - mo->clock_mono);
	buf_reset(&mo->out);
	err = genwriter_end(mo->w, &clock, &mo->out);
	if (err < 0) {
		mo->err = err;
		return;
	}
	symbols_trim(mo->opts.symbols);
	gen = (struct model_gen){
		.gen = mo->gen,
		.start_ns = mo->t0 + mo->gen_start * TICK_NS,
		.end_ns = mo->t0 + mo->ts * TICK_NS,
		.events = genwriter_events(mo->w),
		.bytes = mo->out.p,
		.len = mo->out.len,
	};
	mo->stats.generations++;
	err = mo->opts.gen_done(mo->opts.ctx, &gen);
	if (err)
		mo->err = err;
}

/* A stop of the world that lasts for generations has lost its end: it ends here. */
void gen_end_stw(struct model *mo)
{
	struct g *g;

	for (size_t pos = 0; g_next(mo, &pos, &g);) {
		if (g->stw) {
			g_close_stw(mo, g);
			repaired(mo, REPAIR_GC);
		}
	}
}

enum { STW_PATIENCE = 4 }; /* generations; real stops take milliseconds at most */

void gen_tick(struct model *mo)
{
	uint64_t ticks = mo->rec_ts > mo->gen_start ? mo->rec_ts - mo->gen_start : 0;
	uint64_t age = ticks * TICK_NS;

	if (age < mo->opts.gen_ns && genwriter_size(mo->w) < mo->opts.gen_bytes + mo->gen_base)
		return;
	if (mo->stw_open) {
		if (age < mo->opts.gen_ns * STW_PATIENCE)
			return;
		gen_end_stw(mo);
	}
	gen_close(mo);
	if (!mo->err)
		gen_open(mo);
}
