/*
 * state.h - goroutines, Ps and Ms as a reader of the trace believes them to be, and the only
 * functions that change that belief. Private to the model.
 *
 * Each g_ and p_ function below writes one lawful event and makes the same change; its
 * precondition is asserted. Functions in repair.c bring any state to a precondition first.
 */
#ifndef MODEL_STATE_H
#define MODEL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "include/record.h"
#include "model/model.h"
#include "model/stacks.h"
#include "trace/evspec.h"
#include "trace/genwriter.h"

enum g_state { G_NONE, G_RUNNABLE, G_RUNNING, G_SYSCALL, G_WAITING };
enum p_state { P_IDLE, P_RUNNING, P_SYSCALL, P_ABANDONED };

/* Why goroutines are blocked while nobody watches. */
#define PAUSE_REASON "gotrace-bpf: not watched"

enum {
	MODEL_NOTES = 8, /* that can wait; more are dropped */
	/*
	 * A tick of the trace. Most steps from one event of a thread to the next fit one byte so (up to
	 * 4 us). The runtime counts by 64 ns for the same reason (Go 1.22 runtime/tracetime.go), but our
	 * times rise over all threads (M3): a tick must be less than what the model needs for an event
	 * (some 50 ns), else times could run ahead of the clock.
	 */
	TICK_NS = 32,
};

struct m;

struct g {
	uint64_t ptr, goid, seq;
	uint64_t startpc;
	struct m *m;	    /* RUNNING, SYSCALL */
	uint32_t stack;	    /* the last one it stopped with (a reference), for announcements */
	uint32_t epoch;	    /* of the newest record that names it: pause.c */
	uint64_t wait_ts;   /* when it blocked last */
	uint8_t state;
	bool assist, stw;   /* a range is open on it */
	bool assist_on;	    /* a record since its last piece says that its mark assist goes on */
	bool assist_wait;   /* parked for its assist's debt: the range ends when it runs again */
	uint32_t region_cnt;
	struct region *regions; /* owned; annotate.c */
	bool coro22;	    /* header 22: a new coroutine, waiting here, runnable to readers */
};

struct p {
	uint64_t ptr, id, seq;
	struct m *m;	    /* RUNNING, SYSCALL */
	uint64_t changed_ts; /* of its last event */
	uint8_t state;
};

/* A syscall's end that is decided by the thread's next record (go-runtime.md 4.2). */
enum pend { PEND_NONE, PEND_KEPT, PEND_LOST };

struct m {
	uint64_t tid;
	struct p *p;
	struct g *g;
	uint64_t last_ts;    /* of its last event: what is put off must not be before it */
	uint8_t pend;
	bool resized; /* procresize ran on it: it may change its P under its goroutine */
	bool needm;
	bool stw_start, stw_woken; /* it restarts the world; it wakes threads for that */
	bool restart;	     /* its syscall may begin again without a new one (REC_F_RESTART) */
	bool begun;	     /* it may be in a syscall whose own record is to come: its P was taken */
	bool gcwait;	     /* it gave up its P in a syscall whose own record is to come */
	bool old_syscall;    /* its syscall is older than the attach; its end may be, too */
	uint32_t epoch;	     /* of its newest record: pause.c */
	uint64_t snap_p;     /* the P that the newest snapshot saw it with; 0: none */
	bool p_fixed, g_fixed; /* start.c: what it held at the start is known */
	uint32_t resize_stack; /* of procresize while resized: a reference */
	uint64_t pend_ts, needm_ts, assist_end_ts;
	struct g *assist_end; /* its mark assist ends at assist_end_ts unless its next record says not */
	bool assist_piece;    /* ... and that one piece of it has not ended yet, as far as is seen */
	uint64_t pend_p;      /* the P's address in the record */
	uint64_t extra_p;     /* the P that a foreign thread found in its M, until its first return */
};

struct model {
	struct model_opts opts;
	struct model_stats stats;
	struct genwriter *w;
	struct stacks *stacks;
	struct buf out;
	struct map gs, gptrs, ps, ms; /* goid -> g, g's address -> g, p's address -> p, tid -> m */
	struct map tasks;	      /* user tasks that are active: annotate.c */
	struct map p_ids;	      /* p's address -> its id, as the snapshot or an acquire told */
	uint64_t t0;		      /* CLOCK_MONOTONIC of tick 0 */
	uint64_t ts;		      /* the newest event's time, ticks */
	uint64_t rec_ts;	      /* of the record at hand, ticks */
	uint64_t back_ts;	      /* not 0: times reserved earlier are used up from here */
	uint64_t gen, gen_start;      /* 0: not begun */
	uint64_t gone_ts;	      /* of the newest end of a goroutine */
	uint64_t sysmon;	      /* thread that takes Ps from syscalls without having one; 0: not seen */
	uint64_t gc_seq;
	uint8_t plan; /* enum rec_plan, as the records told */
	bool told_late;		      /* syscalls are told behind the runtime's own mark of them */
	uint32_t epoch;	  /* number of resumptions after a pause */
	bool resuming;	  /* the snapshot after a pause is not whole yet */
	bool from_pause;  /* what is repaired now changed during the pause */
	bool gc_active, gc_told;      /* told: readers know of a GC, running or not */
	uint64_t procs;		      /* GOMAXPROCS, 0 unknown */
	uint64_t stw_open;	      /* number of open stop-the-world ranges */
	uint64_t heap_goal, heap_live;
	bool say_procs, say_goal, say_gc; /* owed to this generation, need a running goroutine */
	uint64_t clock_mono, clock_wall; /* the newest CLOCK record */
	uint32_t unblock_stack;
	struct {
		uint16_t len;
		char text[REC_NOTE_MAX];
	} notes[MODEL_NOTES];	      /* to be logged by the next goroutine that runs */
	size_t note_cnt;
	size_t gen_base;	      /* bytes of this generation's announcements */
	struct buf held;	      /* records up to the snapshot's end, by time */
	uint64_t snap_end;	      /* CLOCK_MONOTONIC of the snapshot's end; 0: it did not arrive */
	bool holding;
	int err;		      /* sticky: no memory, or gen_done's */
};

/* False for what no goroutine is called: 0, or what cannot have been counted up to. */
static inline bool goid_lawful(uint64_t goid)
{
	return goid != 0 && goid <= INT64_MAX;
}

/* ---- lookups (state.c) -------------------------------------------------------------------- */

/* NULL for one that was never named, or is forgotten. */
struct g *g_find(struct model *mo, uint64_t goid);
/* By its structure's address: the goroutine that was last seen in it. */
struct g *g_by_ptr(const struct model *mo, uint64_t ptr);
/* By its structure's address. NULL: not seen yet. */
struct p *p_find(struct model *mo, uint64_t ptr);
/*
 * These three find or make; NULL only without memory (mo->err). Of g_get, m is the thread whose
 * record names g: if another goroutine had this ptr, that one ends there. id of p_get: UINT64_MAX if
 * the record does not say.
 */
struct g *g_get(struct model *mo, struct m *m, uint64_t ptr, uint64_t goid);
struct p *p_get(struct model *mo, uint64_t ptr, uint64_t id);
struct m *m_get(struct model *mo, uint64_t tid);
/* g, which is on no thread, leaves all tables and is freed. Writes nothing. */
void g_forget(struct model *mo, struct g *g);

/* procresize runs on m with this stack, or does not any more. */
void m_resized(struct model *mo, struct m *m, bool on, uint32_t stack);

/* All of a kind: start with *pos = 0; false at the end. None is made or forgotten in between. */
static inline bool map_next_ptr(const struct map *m, size_t *pos, void **ret)
{
	struct map_slot slot;

	if (!map_next(m, pos, &slot))
		return false;
	*ret = (void *)(uintptr_t)slot.val;
	return true;
}

static inline bool g_next(const struct model *mo, size_t *pos, struct g **ret)
{
	void *g;

	return map_next_ptr(&mo->gs, pos, &g) && (*ret = g);
}

static inline bool p_next(const struct model *mo, size_t *pos, struct p **ret)
{
	void *p;

	return map_next_ptr(&mo->ps, pos, &p) && (*ret = p);
}

static inline bool m_next(const struct model *mo, size_t *pos, struct m **ret)
{
	void *m;

	return map_next_ptr(&mo->ms, pos, &m) && (*ret = m);
}

/* ---- events (state.c) ----------------------------------------------------------------------- */

/* Writes an event on m (NULL: no thread) at a time of its own, later than all before. */
void ev(struct model *mo, struct m *m, unsigned type, const uint64_t *args, size_t nargs);
/* The same at ts, which was reserved with ev_reserve. */
void ev_at(struct model *mo, struct m *m, uint64_t ts, unsigned type, const uint64_t *args,
	   size_t nargs);
/* A time later than all before, for ev_at; while back_ts is set, the next one reserved earlier. */
uint64_t ev_reserve(struct model *mo);

#define EV(mo, m, type, ...)                                                                       \
	ev(mo, m, type, (const uint64_t[]){ __VA_ARGS__ },                                         \
	   sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))
#define EV_AT(mo, m, ts, type, ...)                                                                \
	ev_at(mo, m, ts, type, (const uint64_t[]){ __VA_ARGS__ },                                  \
	      sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

uint64_t ev_text(struct model *mo, const char *text);	      /* string id */
uint64_t ev_stack(struct model *mo, uint32_t stack);	      /* stack id, marked as used */

/* p idle, m has none -> p runs on m */
void p_start(struct model *mo, struct m *m, struct p *p);
/* m has a P, running without a goroutine or in a syscall -> idle */
void p_stop(struct model *mo, struct m *m);
/* p in a syscall or abandoned -> idle; by is the thread that took it */
void p_steal(struct model *mo, struct m *by, struct p *p);

/* m has a running P and no or a running goroutine; g unknown to readers */
void g_create(struct model *mo, struct m *m, struct g *g, bool blocked, uint32_t stack);
void g_create_syscall(struct model *mo, struct m *m, struct g *g, uint64_t ts);
/* g runnable; m has a running P and no goroutine */
void g_start(struct model *mo, struct m *m, struct g *g);
/* g running with a stop-the-world range open on it, or nothing to do */
void g_close_stw(struct model *mo, struct g *g);
/* g running */
void g_stop(struct model *mo, struct g *g, const char *reason, uint32_t stack);
void g_block(struct model *mo, struct g *g, const char *reason, uint32_t stack);
void g_destroy(struct model *mo, struct g *g);
void g_syscall_begin(struct model *mo, struct g *g, uint32_t stack);
/* g in a syscall, its m still has its P in it; at ts (reserved) or 0 for now */
void g_syscall_end(struct model *mo, struct g *g, uint64_t ts);
/* g in a syscall, its m has no P in a syscall */
void g_syscall_end_blocked(struct model *mo, struct g *g);
/* g in a syscall on a foreign thread */
void g_destroy_syscall(struct model *mo, struct g *g);
/* g waiting; by may have neither P nor goroutine */
void g_unblock(struct model *mo, struct m *by, struct g *g, uint32_t stack);
/* g running, next waiting, same m */
void g_switch(struct model *mo, struct g *g, struct g *next, bool destroy);

/* ---- repair.c: from whatever is believed to what a record says --------------------------------- */

/* Counts one; as REPAIR_RESUME what a pause explains, as REPAIR_PLAN what the plan leaves out. */
void repaired(struct model *mo, enum repair r);
/* Decides a syscall's end that was put off; hook is the thread's next record's, 0 if forced. */
void m_settle(struct model *mo, struct m *m, unsigned hook);
/* Room for the events of a syscall's end that is put off: m_settle uses these times. */
void m_put_off(struct model *mo, struct m *m, enum pend pend, uint64_t p_ptr);
/* m has no goroutine after this. */
void m_drop_g(struct model *mo, struct m *m);
/* g is on no thread after this, and runnable or waiting. */
void g_detach(struct model *mo, struct g *g);
/* g ended unseen: readers are told now, and it is forgotten. m is the thread whose record tells. */
void g_vanish(struct model *mo, struct m *m, struct g *g);
/* A thread on which a goroutine can start, m if possible; its goroutine, if any, runs. */
struct m *m_with_p(struct model *mo, struct m *m);
/*
 * p is used by another thread than the one that is believed to run a goroutine with it. Where the
 * kernel's tracepoint tells of syscalls, the runtime's own mark is earlier, and a P can be taken from
 * a thread in between: then its syscall begins here, and its own record will say nothing new.
 */
void p_lost_in_syscall(struct model *mo, struct p *p);
/* p is idle after this; by is who wants it. */
void p_make_idle(struct model *mo, struct m *by, struct p *p);
/* m has a running P, p if given, after this. False only without memory. */
bool m_ensure_p(struct model *mo, struct m *m, struct p *p);
/* g is runnable after this, and on no thread. m is the thread whose record asks for it. */
bool g_ensure_runnable(struct model *mo, struct m *m, struct g *g);
/* g runs on m, with p if given, after this. */
bool g_ensure_running(struct model *mo, struct m *m, struct g *g, struct p *p);

/* ---- gen.c: generations ------------------------------------------------------------------------- */

/* Opens a generation now and announces all that lives. */
void gen_open(struct model *mo);
/* Writes what the generation owes and needs m's running goroutine for (ProcsChange, HeapGoal, GCActive). */
void gen_say_owed(struct model *mo, struct m *m);
/* Logs text (REC_NOTE_MAX bytes at most) in the goroutine that runs, or in the next one that does. */
void gen_note(struct model *mo, const char *text, size_t len);
/* Closes it and hands it to gen_done. */
void gen_close(struct model *mo);
/* Decides all that waits for a thread's next record. */
void gen_settle(struct model *mo);
/* Ends stops of the world that are open, counted as repairs. */
void gen_end_stw(struct model *mo);
/* A thread with a goroutine that runs; NULL: none. */
struct m *gen_any_running(struct model *mo);
/* Cuts when time or size ask for it and no stop-the-world is open. */
void gen_tick(struct model *mo);

/* ---- start.c: the state before the first record --------------------------------------------------- */

/* Works out the state at the start from the held records and makes it the belief. */
void start_infer(struct model *mo);

/* ---- pause.c: what nobody watched ----------------------------------------------------------------- */

/* A change of plan (HOOK_PLAN) in a trace that has begun: a new generation; a pause begins or ends. */
void plan_change(struct model *mo, const struct rec *r);
/* A record of the snapshot behind a pause. */
void resume_snap(struct model *mo, const struct rec *r);
/* Before a record of g (or NULL) on m is applied: is it the first since a pause? */
void resume_seen(struct model *mo, struct m *m, struct g *g);

/* ---- annotate.c: user annotations ------------------------------------------------------------------- */

/* A task's, region's or log's record of g, which runs; stack is its id. */
void annotate(struct model *mo, struct g *g, const struct rec *r, uint64_t stack);
/* Frees what is left of g's regions; writes nothing. */
void regions_forget(struct g *g);

/* ---- apply.c -------------------------------------------------------------------------------------- */

/* Writes the record's events and, before them, what it shows to be missing. Failures: mo->err. */
void apply(struct model *mo, const struct rec *r);

#endif
