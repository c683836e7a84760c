#include "report/series.h"

#include "base/num.h"

enum { SERIES_FIRST_NS = 10 * 1000 }; /* no trace is too short for 10 us steps */

void series_begin(struct series *s, int64_t t, double level)
{
	*s = (struct series){ .t0 = t, .at = t, .width = SERIES_FIRST_NS, .level = level };
}

static void series_join(struct series *s)
{
	for (unsigned i = 0; i < SERIES_LEN / 2; i++) {
		double a = s->peaks[2 * i], b = s->peaks[2 * i + 1];

		s->sums[i] = s->sums[2 * i] + s->sums[2 * i + 1];
		s->peaks[i] = a > b ? a : b;
	}
	for (unsigned i = SERIES_LEN / 2; i < SERIES_LEN; i++)
		s->sums[i] = s->peaks[i] = 0;
	s->width *= 2;
}

static void series_advance(struct series *s, int64_t t)
{
	while ((t - s->t0) / SERIES_LEN >= s->width)
		series_join(s);
	while (s->at < t) {
		int64_t i = (s->at - s->t0) / s->width;
		int64_t end = s->t0 + (i + 1) * s->width;

		if (end > t)
			end = t;
		s->sums[i] += s->level * (double)(end - s->at);
		if (s->level > s->peaks[i])
			s->peaks[i] = s->level;
		s->at = end;
	}
}

void series_set(struct series *s, int64_t t, double level)
{
	if (!s->width)
		series_begin(s, t, level);
	/* Most changes fall into the bucket of the one before. */
	if (t > s->at)
		series_advance(s, t);
	s->level = level;
}

void series_finish(struct series *s, int64_t t)
{
	if (s->width)
		series_advance(s, t);
}

unsigned series_used(const struct series *s)
{
	return s->width ? (unsigned)((s->at - s->t0 + s->width - 1) / s->width) : 0;
}

double series_mean(const struct series *s, unsigned i)
{
	int64_t begin = s->t0 + (int64_t)i * s->width, end = begin + s->width;

	if (end > s->at)
		end = s->at;
	return end > begin ? s->sums[i] / (double)(end - begin) : 0;
}

double series_total(const struct series *s)
{
	double sum = 0;

	for (unsigned i = 0; i < SERIES_LEN; i++)
		sum += s->sums[i];
	return s->at > s->t0 ? sum / (double)(s->at - s->t0) : 0;
}
