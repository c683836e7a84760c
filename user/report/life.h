/*
 * life.h - one goroutine's life, span by span.
 *
 * F1  The first LIMIT_REPORT_SPANS spans are kept; the rest is counted in dropped.
 */
#ifndef REPORT_LIFE_H
#define REPORT_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/goros.h"

struct life_span {
	int64_t start, ns;
	uint8_t state;
	bool clipped, open; /* began before; goes on at the end */
	uint32_t reason, stack;
	int64_t waker; /* what ended a wait: a goroutine, or -1 */
	uint32_t waker_name;
};

struct life {
	int64_t id;		 /* or -1: nobody's */
	struct life_span *spans; /* owned */
	size_t cnt, cap;
	uint64_t dropped;
	uint32_t name;
	bool seen, ended, failed;
	int64_t create, end;
};

void life_init(struct life *l, int64_t id);
void life_done(struct life *l);
void life_restart(struct life *l);
void life_feed(struct life *l, const struct gotrace_event *ev, const struct stint *st,
	       const struct goros *gs);
/* Before goros_finish. */
void life_finish(struct life *l, const struct goros *gs, int64_t t);

#endif
