/*
 * wakes.h - who wakes whom: by the groups of both and the reason that the woken one had waited for;
 * and how long goroutines wait to run once they could.
 *
 * Of a waker without a goroutine (the network poller, a timer, the runtime), by_runtime is set and
 * waker is 0.
 */
#ifndef REPORT_WAKES_H
#define REPORT_WAKES_H

#include "report/goros.h"
#include "report/hist.h"
#include "report/longest.h"
#include "report/tab.h"

struct wake {
	uint64_t key;
	uint32_t waker, woken, reason;
	bool by_runtime; /* no goroutine did it */
	uint64_t cnt;
	int64_t ns; /* that the woken ones had waited */
};

struct wakes {
	struct tab tab;	     /* struct wake */
	struct hist latency; /* runnable until running */
	struct longest late; /* the longest of them; extra: the time it ran */
};

/* late: how many of the longest latencies are kept. 0 or -ENOMEM. */
int wakes_init(struct wakes *w, size_t late);
void wakes_done(struct wakes *w);
void wakes_restart(struct wakes *w);

/* A stint that ev ended; gs knows the waker; gr gets the latencies by group. */
void wakes_feed(struct wakes *w, const struct gotrace_event *ev, const struct stint *st,
		const struct goros *gs, struct groups *gr);

#endif
