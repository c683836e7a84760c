/*
 * progress.h - the live line and the closing summary, on stderr.
 *
 * The cost shown is the target's, not ours: hits times the price of a hit, which is billed to the
 * target's CPU time (docs/overhead.md says how the price is known).
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/session.h"

struct progress {
	bool live;		/* stderr is a terminal and not -q */
	uint64_t start_ns, last_ns, last_events, last_hits, last_cost_ns;
	uint64_t cpu_start_ns;	/* the target's CPU time */
};

void progress_begin(struct progress *p, const struct capture *c, bool quiet, uint64_t now_ns);

/* Draws the line anew, at most ten times a second. */
void progress_draw(struct progress *p, const struct session *s, uint64_t bytes, uint64_t now_ns);
/* What it costs the target since the begin: hits, and the share of one CPU that they take, in %. */
struct progress_cost {
	uint64_t hits;
	double cpu_percent;
};
void progress_cost(const struct progress *p, const struct session *s, uint64_t now_ns,
		   struct progress_cost *ret);

/* Takes the line away. */
void progress_clear(struct progress *p);

/* The summary: events, goroutines, bytes, losses by cause, repairs by kind, cost, next command. */
void progress_summary(const struct progress *p, const struct session *s, const char *path,
		      uint64_t bytes, uint64_t now_ns, const char *ended);

#endif
