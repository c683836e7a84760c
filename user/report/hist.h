/*
 * hist.h - how durations are spread: counts in buckets of 1/16 of their size, and the maximum.
 *
 * H1  Below 16 ns a bucket is 1 ns; above, an octave has 16 buckets: a quantile is wrong by at most
 *     a 32nd (the middle of its bucket is given), and never above max.
 */
#ifndef REPORT_HIST_H
#define REPORT_HIST_H

#include <stdint.h>

enum { HIST_SUB = 16, HIST_OCTAVES = 44, HIST_LEN = HIST_SUB * HIST_OCTAVES };

struct hist {
	uint64_t cnt;
	int64_t sum, max, max_at; /* max_at: the time that came with max */
	uint32_t buckets[HIST_LEN];
};

/* ns < 0 counts as 0. */
void hist_add(struct hist *h, int64_t ns, int64_t at);

/* The value that q of [0, 1] of all are at or below; 0 if there are none. */
int64_t hist_quantile(const struct hist *h, double q);

#endif
