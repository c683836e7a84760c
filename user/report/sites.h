/*
 * sites.h - where goroutines spend their blocked time and their syscalls: by reason and stack.
 *
 * A stint is fed when it is over. A wait that began before we saw it counts from there on. What waits yet
 * at the end is apart: who is stuck is there, and nowhere else.
 */
#ifndef REPORT_SITES_H
#define REPORT_SITES_H

#include "report/goros.h"
#include "report/hist.h"
#include "report/tab.h"

struct site {
	uint64_t key;
	uint32_t stack, reason;
	uint64_t cnt;
	int64_t ns, max, max_at, max_g;
	bool clipped; /* the longest began before max_at */
};

struct sites {
	struct tab blocked;  /* struct site */
	struct tab still;    /* struct site: waits that have not ended */
	struct tab syscalls; /* struct site; reason 0 */
	struct hist syscall; /* all of them */
	uint64_t slow_cnt;   /* syscalls of 1 ms and more */
};

enum { SITES_SLOW_NS = 1000 * 1000 };

/* 0 or -ENOMEM. */
int sites_init(struct sites *s);
void sites_done(struct sites *s);
void sites_restart(struct sites *s);
void sites_feed(struct sites *s, const struct stint *st);
/* g as it is at the trace's end, if it waits then. */
void sites_feed_still(struct sites *s, const struct goro *g, int64_t end);

#endif
