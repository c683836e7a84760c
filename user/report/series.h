/*
 * series.h - a value over time in at most SERIES_LEN steps, however long it gets.
 *
 * S1  Bucket i covers [t0 + i * width, t0 + (i + 1) * width) ns; when time runs past the last one,
 *     neighbours are joined and width doubles.
 * S2  A level holds from one series_set to the next: a bucket's mean is weighted by time.
 */
#ifndef REPORT_SERIES_H
#define REPORT_SERIES_H

#include <stdint.h>

enum { SERIES_LEN = 128 };

struct series {
	int64_t t0, width; /* width 0: not begun */
	int64_t at;	   /* time up to which sums are whole */
	double level;
	double sums[SERIES_LEN]; /* of level times ns */
	double peaks[SERIES_LEN];
};

/* Begins at t with a level; what was is forgotten. */
void series_begin(struct series *s, int64_t t, double level);

/* From t on (t does not fall) the level is another one. */
void series_set(struct series *s, int64_t t, double level);

/* Accounts for the time up to t. */
void series_finish(struct series *s, int64_t t);

/* How many buckets are in use: those that begin before the time accounted for; 0 if not begun. */
unsigned series_used(const struct series *s);

/* The mean of bucket i < the number in use. */
double series_mean(const struct series *s, unsigned i);

/* The mean over all time. */
double series_total(const struct series *s);

#endif
