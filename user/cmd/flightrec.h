/*
 * flightrec.h - one flight recorder, shared by its parts (flight*.c): private to them.
 *
 *	flight.c	phases, signals, the loop
 *	flightdump.c	triggers in, dumps out
 *	flightctl.c	answers to gotrace-bpf ctl
 *	flightmem.c	how much memory, stated and held
 *
 * F1  One thread records; dumps are written by another (dump.h).
 * F2  A generation enters the ring when the model ends it; a dump ends the open one first.
 */
#ifndef CMD_FLIGHTREC_H
#define CMD_FLIGHTREC_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/ctl.h"
#include "cmd/dump.h"
#include "cmd/ending.h"
#include "cmd/naming.h"
#include "cmd/options.h"
#include "cmd/progress.h"
#include "cmd/session.h"
#include "cmd/shelf.h"
#include "cmd/trigger.h"
#include "cmd/watch.h"
#include "trace/genring.h"

struct flight_mem {
	size_t stated; /* resident at most */
	uint64_t checked_ns;
	bool told_less, told_over;
};

struct flight {
	const struct options *o;
	struct session s;
	struct ending ending;
	struct naming naming;
	char command[TARGET_NAME];
	int dirfd;	      /* owned; the folder of dumps */
	struct genring *ring; /* owned */
	size_t limit;	      /* bytes that it may keep now */
	struct dump *dump;    /* owned */
	struct shelf shelf;
	struct triggers q;
	struct ctl *ctl; /* owned */
	struct flight_mem mem;
	struct watch *watch; /* owned; NULL: no conditions */
	uint64_t ticked_ns, noted_ns;
	struct progress progress;
	uint64_t dumps, failed; /* written; not written */
	uint64_t lost;		/* records, of all processes */
	uint64_t dump_bytes;
	char last_path[DUMP_DIR + DUMP_NAME];
	uint64_t too_big;   /* generations that did not fit at all */
	uint64_t cut_ns;    /* the most of our CPU time that ending a generation for a dump took */
	uint64_t abandoned; /* dumps given up for the window's sake */
	bool told_short;    /* that the size wins over the time */
	bool stop;
};

/* ---- flightctl.c ---- */

/* Answers a request; ctx is the struct flight. As ctl_handler. */
int flight_ctl(void *ctx, const char *line, struct buf *text, uint64_t *ret_id);

/* ---- flightmem.c ---- */

/* Resident bytes of this process. */
size_t flightmem_rss(void);
/* When all is set up: works out what it will be at most, and says so. */
void flightmem_begin(struct flight *f);
/* Holds it, once a second: when tables grow, the window gives way. */
void flightmem_hold(struct flight *f);

/* ---- flightdump.c ---- */

/* The ring that the options ask for; flightmem.c counts with it, too. */
struct genring_opts flight_ring_opts(const struct flight_opts *fo);
/* Makes the ring, the folder and the thread. Before anything is attached. */
int flight_open_dumps(struct flight *f, struct diag *d);
/* Opens the dumps' folder, or another one after a reload (then the old one stays if it fails). */
int flight_open_dir(struct flight *f, struct diag *d);
/* Waits for the dump at work; frees the ring and the thread. */
void flight_close_dumps(struct flight *f);

/* The model's generations go here. */
int flight_take_gen(void *ctx, const struct model_gen *gen);

/* Asks for a dump. As triggers_add. */
int flight_trigger(struct flight *f, const struct trigger *t, uint64_t *ret_id);

/* Writes text into the trace, at ts (no later than the records to come). */
void flight_note(struct flight *f, uint64_t ts, const char *text);

/* Ends what ended and begins what is due; to be called after each turn. */
void flight_dumps(struct flight *f);

/*
 * The last dump: everything that waits becomes this one, and it is waited for. 0 or the dump's
 * error.
 */
int flight_last_dump(struct flight *f, const char *reason);
/* Waits for the dump under way. */
void flight_wait_dump(struct flight *f);

#endif
