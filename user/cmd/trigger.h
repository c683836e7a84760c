/*
 * trigger.h - which dump comes when: triggers in, at most one dump under way and one more.
 *
 *	        add               due                 ended
 *	IDLE -------> WAITING ----------> WRITING ----------> IDLE, or WAITING for the next
 *
 * T1  A trigger's dump begins no sooner than its time plus `after`, and no sooner than min_interval
 *     (and its own spacing) behind the begin of the dump before it.
 * T2  A trigger that the waiting dump covers joins it; else it becomes the next; else it joins that
 *     one. So a storm makes one dump after the other, and nothing piles up.
 */
#ifndef CMD_TRIGGER_H
#define CMD_TRIGGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRIGGER_REASON = 48, TRIGGER_FILE = 4096 };

struct trigger {
	uint64_t id;		     /* of the dump that it made or joined */
	uint64_t at_ns;		     /* CLOCK_MONOTONIC */
	uint64_t last_ns;	     /* less than the window; 0: as the options say */
	uint64_t spacing_ns;	     /* behind the begin of the dump before it, at least */
	char reason[TRIGGER_REASON]; /* as in names */
	char file[TRIGGER_FILE];     /* "": by template */
};

struct triggers {
	uint64_t after_ns, min_interval_ns;
	enum { TRIG_IDLE, TRIG_WAITING, TRIG_WRITING } state;
	bool have_next;
	struct trigger cur, next;
	uint64_t begun_ns; /* of the newest dump, 0: none */
	uint64_t ids, joined;
};

/*
 * Takes t (its id is set here). 1: it makes a dump; 0: it joins one; -EBUSY: it wants a file of its
 * own and there is no place for that. *ret_id is the dump's.
 */
int triggers_add(struct triggers *q, const struct trigger *t, uint64_t *ret_id);

/* The time at which the waiting dump is due, UINT64_MAX: none waits. */
uint64_t triggers_due(const struct triggers *q);

/* The waiting dump begins. */
void triggers_begin(struct triggers *q, uint64_t now_ns);
/* The dump under way ended (or could not begin). */
void triggers_end(struct triggers *q);

#endif
