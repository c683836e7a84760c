/*
 * watch.h - the conditions of --on, checked as records pass.
 *
 * It sees the same stream as the model and keeps its own small table: what each goroutine does now,
 * and since when. A goroutine is watched from its first record on: what it did before is not known.
 *
 * H1  A condition about a time is met when that time ends (its whole length is then in the window);
 *     runnable, running, syscall, stw also when it has gone on for WATCH_HANG_NS longer than the
 *     limit without an end: once each.
 * H2  The table is bounded: goroutines past WATCH_GS are not watched, and counted.
 * H3  A change of plan, a pause, lost records and the snapshot's end begin everything anew; what the plan
 *     does not show (cond_shown) is never met, in a pause nothing is.
 * H4  blocked without a reason leaves out the runtime's own workers ("system goroutine wait", ...).
 */
#ifndef CMD_WATCH_H
#define CMD_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/cond.h"
#include "include/record.h"
#include "model/model.h"

struct watch;

enum { WATCH_GS = 1024 * 1024, WATCH_TEXT = 200 };
#define WATCH_HANG_NS 1000000000ULL

struct watch_hit {
	const struct cond *cond;
	uint64_t ts;
	char text[WATCH_TEXT]; /* "blocked>250ms: goroutine 33 was blocked for 301ms (sleep)" */
};

/* conds (at most 64) and the texts are borrowed. NULL: no memory. */
struct watch *watch_new(const struct cond *conds, size_t cnt, struct model_texts block_reasons,
			struct model_texts stw_reasons);
void watch_free(struct watch *w);

/*
 * One record, of all kinds, with its goid where any is known; not before the model has its snapshot
 * (model_holds), but for HOOK_PLAN: goroutines that end have no name until then. True: a condition is met (the first one, if
 * several).
 */
bool watch_record(struct watch *w, const struct rec *r, struct watch_hit *ret);

/*
 * To be called now and then, when all records before now_ns were seen: what hangs (H1), and the
 * number of goroutines, live. True: a condition is met.
 */
bool watch_tick(struct watch *w, uint64_t now_ns, uint64_t live, struct watch_hit *ret);

/* Bytes that the table takes now. */
size_t watch_bytes(const struct watch *w);
uint64_t watch_unwatched(const struct watch *w);

#endif
