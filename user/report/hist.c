#include "report/hist.h"

#include "base/num.h"

static unsigned bucket_of(uint64_t v)
{
	unsigned shift, i;

	if (v < HIST_SUB)
		return (unsigned)v;
	shift = 63 - (unsigned)__builtin_clzll(v) - 4; /* v >> shift is in [16, 32) */
	i = shift * HIST_SUB + (unsigned)(v >> shift);
	return i < HIST_LEN ? i : HIST_LEN - 1;
}

static int64_t middle_of(unsigned i)
{
	unsigned shift = i / HIST_SUB;
	int64_t low;

	if (shift < 2)
		return i;
	shift--;
	low = (int64_t)(i - shift * HIST_SUB) << shift;
	return low + ((int64_t)1 << shift) / 2;
}

void hist_add(struct hist *h, int64_t ns, int64_t at)
{
	uint32_t *b = &h->buckets[bucket_of(ns > 0 ? (uint64_t)ns : 0)];

	if (ns < 0)
		ns = 0;
	if (*b < UINT32_MAX)
		(*b)++;
	if (num_add(h->sum, ns, &h->sum))
		h->sum = INT64_MAX;
	if (!h->cnt++ || ns > h->max) {
		h->max = ns;
		h->max_at = at;
	}
}

int64_t hist_quantile(const struct hist *h, double q)
{
	uint64_t want = (uint64_t)(q * (double)h->cnt + 0.5), seen = 0;

	if (want >= h->cnt)
		return h->max;
	for (unsigned i = 0; i < HIST_LEN; i++) {
		seen += h->buckets[i];
		if (seen && seen >= want)
			return middle_of(i) < h->max ? middle_of(i) : h->max;
	}
	return h->max;
}
