/*
 * apply.h - what each kind of record means: the handlers behind apply()'s table. Private to the model.
 *
 * A handler brings the belief to where its record starts from (repair.c) and makes the record's own
 * change (state.c). The record is borrowed for the call.
 */
#ifndef MODEL_APPLY_H
#define MODEL_APPLY_H

#include "model/state.h"

/* A record with what it names looked up; g is NULL for hooks without one or a failed read. */
struct at {
	const struct rec *r;
	struct m *m;
	struct g *g;
	struct p *p;
};

/* The stack that r carries or names by its hash; skip: another number of frames left out at the leaf. */
uint32_t rec_stack(struct model *mo, const struct rec *r);
uint32_t rec_stack_skip(struct model *mo, const struct rec *r, unsigned skip);

/* Why r (PARK) blocks, as the trace names it: Go 1.22 on from the m, before by the wait reason. */
const char *block_reason(const struct model *mo, const struct rec *r);
/* What that is for a goroutine that waits in the middle of its range of mark assists. */
#define ASSIST_REASON "GC mark assist wait for work"

/* ---- apply_proc.c: syscalls, Ps, foreign threads -------------------------------------------- */

void on_syscall_enter(struct model *mo, struct at *a);
void on_syscall_exit(struct model *mo, struct at *a);
void on_syscall_nop(struct model *mo, struct at *a);
void on_acquire(struct model *mo, struct at *a);
void on_release(struct model *mo, struct at *a);
void on_steal(struct model *mo, struct at *a);
void on_gcwait(struct model *mo, struct at *a);
void on_needm(struct model *mo, struct at *a);
void on_dropm(struct model *mo, struct at *a);
/* Before the handler of m's first record that names a goroutine, g: needm put its creation off. */
void needm_settle(struct model *mo, struct m *m, struct g *g);

/* ---- apply_gc.c: the world stopped, GC cycles, mark assists, the heap --------------------------- */

void on_stw_begin(struct model *mo, struct at *a);
void on_stw_start(struct model *mo, struct at *a);
void on_stw_end(struct model *mo, struct at *a);
void stw_settle(struct model *mo, struct m *m, unsigned hook);
void on_procresize(struct model *mo, struct at *a);
void on_gc_begin(struct model *mo, struct at *a);
void on_gc_end(struct model *mo, struct at *a);
void on_assist_begin(struct model *mo, struct at *a);
void on_assist_end(struct model *mo, struct at *a);
void on_assist_park(struct model *mo, struct at *a);
void on_heap(struct model *mo, struct at *a);
/* Before the handler of any record r of m: ends a mark assist that r shows to be over. */
void assist_settle(struct model *mo, struct m *m, const struct rec *r);

#endif
