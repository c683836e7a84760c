/*
 * cond.h - a condition of --on, parsed.
 *
 *	kind [ "(" reason ")" ] ">" limit	runnable>100ms  blocked(sync)>1s  goroutines>5000
 *	"call:" function			call:main.(*Server).handle
 *
 *	runnable    a goroutine waited that long to run
 *	blocked     it was blocked that long, for the reason given or for any but the runtime's own
 *	running     it ran that long without a break
 *	syscall     it was in one syscall or C call that long
 *	stw         the world was stopped that long
 *	gc-assist   a goroutine assisted the collector that long in one piece
 *	goroutines  there are more than that many
 *	call        the function is entered
 */
#ifndef CMD_COND_H
#define CMD_COND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "include/record.h"

enum cond_kind {
	COND_RUNNABLE,
	COND_BLOCKED,
	COND_RUNNING,
	COND_SYSCALL,
	COND_STW,
	COND_ASSIST,
	COND_GOROUTINES,
	COND_CALL,
	COND_KINDS,
};

enum { COND_TEXT = 256, COND_REASON = 40 };

struct cond {
	enum cond_kind kind;
	uint64_t limit;		  /* ns, or goroutines */
	char reason[COND_REASON]; /* of blocked; "": any */
	char text[COND_TEXT];	  /* as it was typed */
};

/* The function of a call condition. */
const char *cond_func(const struct cond *c);

/* "blocked": also the reason in a dump's name. */
const char *cond_name(enum cond_kind kind);

/*
 * Whether a recording by that plan (include/record.h) shows when what the condition is about begins and
 * ends. Goroutines are counted by every plan.
 */
bool cond_shown(enum cond_kind kind, enum rec_plan plan);

/* 0, or -EINVAL: d says what is wrong and at which character (d->off counts from 0). */
int cond_parse(const char *text, struct cond *ret, struct diag *d);

#endif
