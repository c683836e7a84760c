/*
 * capture.h - a process in, a stream of records out.
 *
 *	capture_open   identify, read the binary, check the layout, make the plan: touches nothing
 *	capture_start  load, attach
 *	capture_arm    hits make records from here on
 *	capture_poll   again and again: the merged records, clock and loss records among them
 *	capture_stop   disarm, detach, the last records
 *	capture_free   in any phase
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "capture/livecheck.h"
#include "capture/plan.h"
#include "capture/price.h"
#include "capture/rings.h"
#include "image/image.h"
#include "include/record.h"
#include "proc/target.h"

struct capture;

struct capture_opts {
	size_t ring_bytes;   /* of all CPUs together; 0: chosen */
	enum plan_syscalls syscalls;
	enum rec_plan plan; /* LEAN sees no syscalls, whatever is asked */
	const char *const *calls; /* functions whose entry is recorded (plan.h), borrowed for capture_open */
	size_t call_cnt;
	bool steps;	     /* capture_step will be called: parts can be switched one by one */
	bool allow_traced;   /* go on although a debugger is attached */
};

/* Takes one record (borrowed for the call); not 0 stops the poll, which returns it. */
struct capture_sink {
	int (*take)(void *ctx, const struct rec *r);
	void *ctx;
};

/*
 * Errors: as target_open and image_open; -EBADMSG the live process contradicts the layout or its
 * code the file; -ENOTSUP no layout or a required hook without a site; -EBUSY a debugger.
 * *ret is also set, for `check` to show what was found, when image and target could be opened.
 */
int capture_open(int pid, const struct capture_opts *opts, struct capture **ret, struct diag *d);

/*
 * Loads and attaches; sink (copied) is what capture_arm and all that follows hand records to. 0, or as
 * attach_load and attach_link; capture_free is right after an error.
 */
int capture_start(struct capture *c, const struct capture_sink *sink, struct diag *d);

/* Hits make records from here on, and rings fill: to be polled soon. 0 or the sink's error. */
int capture_arm(struct capture *c);

/* Loads and attaches without arming, and detaches: would it work? 0 or as capture_start. */
int capture_try(struct capture *c, struct diag *d);

/* Reads goroutines, Ps and Ms; polls meanwhile. Once, after capture_arm. */
int capture_snapshot(struct capture *c, struct diag *d);

/* True once the process has replaced itself by exec: nothing is recorded since. */
bool capture_execed(const struct capture *c);

/* Delivers what is complete. 0, the sink's error, or -EBADMSG. */
int capture_poll(struct capture *c, struct diag *d);

/*
 * opts.steps only: watches what rung says from now on, and writes note into the trace. From PAUSED
 * on nothing is attached; any other rung after it begins with a new snapshot. 0, the sink's error,
 * or as capture_start.
 */
int capture_step(struct capture *c, enum plan_rung rung, const char *note, struct diag *d);

/* Ends: end says why, status how the process ended (wait(2)) or -1. Delivers the last records. */
int capture_stop(struct capture *c, enum rec_end end, int status, struct diag *d);

void capture_free(struct capture *c);

/* Parts, borrowed; NULL or 0 before they are known. */
const struct target *capture_target(const struct capture *c);
const struct image *capture_image(const struct capture *c);
const struct golayout *capture_layout(const struct capture *c);
const struct plan *capture_plan(const struct capture *c);
const struct livecheck *capture_live(const struct capture *c);
uint64_t capture_bias(const struct capture *c);
size_t capture_ring_bytes(const struct capture *c);
/* What a hit of this hook adds to the target's CPU time as things are now, ns; and all prices. */
uint32_t capture_hit_ns(const struct capture *c, unsigned hook);
const struct price *capture_price(const struct capture *c);
enum plan_rung capture_rung(const struct capture *c);
bool capture_sees_syscalls(const struct capture *c);
/* Time in which capture_step attached and detached: hits cost then, but leave no record. */
uint64_t capture_switch_ns(const struct capture *c);
void capture_sums(const struct capture *c, struct rings_sums *ret);
/* Fullness of the fullest ring, 0 to 1. */
double capture_fill(const struct capture *c);

#endif
