/*
 * model.h - records in, a lawful history of goroutines, Ps and threads out.
 *
 * The model keeps what a reader of the trace will believe, and writes an event only when that
 * reader will accept it. A record states facts (thread T ran g here, with P p); where they differ
 * from the belief, the events that must have happened unseen are inserted just before, and counted
 * by kind (enum repair). So one mechanism serves lost records, transitions that no probe shows,
 * hand-overs in syscalls, goroutines older than the attach, and cheaper plans. Whatever records
 * arrive, in any subset, the trace is lawful.
 *
 * M1  A P runs or is in a syscall on at most one M; an M has at most one P and one goroutine.
 * M2  A running goroutine's M has a running P.
 * M3  Event times rise strictly over the whole trace, but for the announcements that open a
 *     generation, which share one time.
 * M4  Every generation announces all Ps and goroutines first and uses nothing of the one before:
 *     each can stand first in a file.
 * M5  The output depends on the records and options alone: the same capture gives the same bytes.
 *
 * States of a goroutine and the function behind each transition (all in state.c):
 *
 *	          g_create                g_start
 *	  (none) ----------> RUNNABLE <-------------> RUNNING ---- g_block ----> WAITING
 *	                        ^        g_stop        |   ^                        |
 *	                        |                      |   | g_syscall_end          |
 *	                        |      g_syscall_begin v   |                        |
 *	                        +-------------------- SYSCALL                       |
 *	                        | g_syscall_end_blocked                             |
 *	                        +------------------------ g_unblock ----------------+
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "include/record.h"
#include "model/symbols.h"

struct model;

/* What the model inserted or ignored, by cause. The expected ones happen without any loss. */
enum repair {
	REPAIR_UNBLOCK,	      /* expected: started while waiting (poller, GC worker, refused park) */
	REPAIR_REWIRE,	      /* expected up to 1.25: a syscall's end took a P unseen */
	REPAIR_STEAL,	      /* expected: a P was taken from a syscall unseen (stop of the world) */
	REPAIR_START,	      /* a goroutine acted on a thread it was not started on */
	REPAIR_STOP,	      /* a goroutine was displaced from its thread */
	REPAIR_BLOCK,	      /* a goroutine was woken that was not waiting */
	REPAIR_SYSCALL_BEGIN, /* a syscall ended that had not begun */
	REPAIR_SYSCALL_END,   /* a goroutine acted that was in a syscall */
	REPAIR_CREATE,	      /* a goroutine appeared that nobody created */
	REPAIR_VANISH,	      /* a goroutine's structure was used anew, its end was not seen */
	REPAIR_PROC_START,    /* a thread acted with a P that it had not taken */
	REPAIR_PROC_STOP,     /* a P was used elsewhere, its release was not seen */
	REPAIR_GC,	      /* a GC cycle's begin or end was not seen */
	REPAIR_REGION,	      /* a user region's or task's end was not seen */
	REPAIR_RESUME,	      /* expected: what changed while the recording was paused */
	REPAIR_PLAN,	      /* expected: what the plan leaves to be inferred (enum rec_plan) */
	REPAIR_IGNORED,	      /* a record that says nothing new or cannot be true */
	REPAIR_COUNT,
};

const char *repair_name(enum repair r);
/* True if runs without any loss have it, too. */
bool repair_expected(enum repair r);

/* The runtime's own texts; pointers borrowed for the model's life. An index past cnt is "unspecified". */
struct model_texts {
	const char *const *v;
	size_t cnt;
};

/* A finished generation. bytes are borrowed for the call. */
struct model_gen {
	uint64_t gen;
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC */
	uint64_t events;
	const uint8_t *bytes;
	size_t len;
};

struct model_opts {
	unsigned format;	/* 22, 23, 25, 26 */
	unsigned go_minor;
	unsigned goal_word;	/* heap.h; 0: no heap events */
	uint64_t gen_ns;	/* cut a generation after this time ... */
	size_t gen_bytes;	/* ... or this size, announcements not counted */
	struct model_texts wait_reasons, block_reasons, stw_reasons;
	struct symbols *symbols;	/* borrowed for the model's life */
	uint64_t unblock_pc;	/* entry of a runtime function that stands for "the poller"; 0: none */
	/* Called with each finished generation, in order. Not 0: the model stops with it. */
	int (*gen_done)(void *ctx, const struct model_gen *gen);
	void *ctx;
};

struct model_stats {
	uint64_t records, events, generations, lost;
	uint64_t goroutines;	/* distinct ones seen */
	uint64_t pauses;	 /* times when nothing was watched (REC_PLAN_PAUSED) */
	uint64_t live, max_live; /* goroutines known now, and at most */
	uint64_t first_ns, last_ns;
	uint64_t repairs[REPAIR_COUNT];
	uint64_t by_hook[HOOK_COUNT];
};

/* 0, -EINVAL (format), -ENOMEM. *ret is owned by the caller. */
int model_new(const struct model_opts *opts, struct model **ret);
void model_free(struct model *mo);

/*
 * Takes one record; in order of time, except that snapshot records may come later than their time.
 * Until the time of HOOK_SNAP_END has passed (or a bound is reached) records are kept, so that the first
 * generation can begin with every goroutine's true state. 0, -ENOMEM, or what gen_done returned.
 */
int model_record(struct model *mo, const struct rec *r);

/* Ends the last generation at the newest record. 0, -ENOMEM, or what gen_done returned. */
int model_finish(struct model *mo);

/* Ends the generation now, as if it were full (a flight recorder's dump). As model_record. */
int model_cut(struct model *mo);

/* True while a note (HOOK_NOTE) waits for a goroutine that runs, to be its log event. */
bool model_owes_note(const struct model *mo);

const struct model_stats *model_get_stats(const struct model *mo);

/* The goroutine whose structure is at g, as far as records have told (record.h R7); 0: none that is known. */
uint64_t model_goid(const struct model *mo, uint64_t g);

/* Records are kept back, as the snapshot is not whole yet (model_record). */
bool model_holds(const struct model *mo);

#endif
