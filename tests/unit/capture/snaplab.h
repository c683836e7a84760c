/* snaplab.h - what a snapshot told, and what holds of every record of one. */
#ifndef TEST_SNAPLAB_H
#define TEST_SNAPLAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/num.h"
#include "capture/snapshot.h"
#include "unit/capture/liveprog.h"

/* What came out: records one behind another. */
struct seen {
	struct buf recs;
	uint64_t last_ts;
	unsigned cnt[HOOK_COUNT];
	unsigned stop_after; /* 0: never */
};

static int take(void *ctx, const struct rec *r)
{
	struct seen *s = ctx;

	/* What holds for each record, however the process looks. */
	assert_int_equal(r->len, sizeof(*r) + r->npc * 8u);
	assert_true(r->len <= REC_MAX_LEN && r->npc <= REC_MAX_PC);
	assert_true(r->ts >= s->last_ts);
	assert_int_equal(r->seq, 0);
	assert_int_equal(r->lost, 0);
	assert_true(r->hook >= HOOK_SNAP_G && r->hook <= HOOK_SNAP_END);
	s->last_ts = r->ts;
	s->cnt[r->hook]++;
	buf_bytes(&s->recs, r, r->len);
	return s->stop_after && s->cnt[HOOK_SNAP_G] >= s->stop_after ? 77 : 0;
}

static const struct rec *seen_next(const struct seen *s, size_t *pos)
{
	const struct rec *r = (const void *)(s->recs.p + *pos);

	if (*pos >= s->recs.len)
		return NULL;
	*pos += r->len;
	return r;
}

static struct seen seen;

static inline void seen_done(void)
{
	buf_done(&seen.recs);
	seen = (struct seen){0};
}

#endif
