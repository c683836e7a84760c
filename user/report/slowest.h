/* slowest.h - the longest of everything: a list for each kind of thing that takes time. */
#ifndef REPORT_SLOWEST_H
#define REPORT_SLOWEST_H

#include "report/goros.h"
#include "report/longest.h"

enum slowest_kind {
	SLOWEST_RUNNING,  /* without a break; stack: where it ended */
	SLOWEST_RUNNABLE, /* until it ran */
	SLOWEST_SYSCALL,
	SLOWEST_BLOCKED, /* detail: the reason */
	SLOWEST_STW,	 /* name: the range; extra: ns until all had stopped */
	SLOWEST_GC,	 /* a mark phase */
	SLOWEST_ASSIST,
	SLOWEST_TASK,	/* detail: its type; extra: its id */
	SLOWEST_REGION, /* detail: its type */
	SLOWEST_CNT,
};

struct slowest {
	struct longest lists[SLOWEST_CNT];
};

/* keep: of each kind. 0 or -ENOMEM. */
int slowest_init(struct slowest *s, size_t keep);
void slowest_done(struct slowest *s);
void slowest_restart(struct slowest *s);

/* A stint that ev ended; in keeps the stack where running ended. */
void slowest_feed(struct slowest *s, const struct gotrace_event *ev, const struct stint *st,
		  struct intern *in);

/* Other things come from the analyses that know them. */
static inline bool slowest_wants(const struct slowest *s, enum slowest_kind kind, int64_t ns)
{
	return longest_wants(&s->lists[kind], ns);
}
void slowest_add(struct slowest *s, enum slowest_kind kind, const struct longest_item *item);
void slowest_finish(struct slowest *s);

#endif
