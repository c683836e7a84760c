/*
 * sites.h - where goroutines spend their blocked time and their syscalls: by reason and stack.
 *
 * Each stint is fed when it is over; at the end of the trace the report feeds those that are still
 * going on. A wait that began before we saw it counts from there on.
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
};

struct sites {
	struct tab blocked;  /* struct site */
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

#endif
