#include "trace/batch.h"

#include <errno.h>

#include "base/span.h"
#include "base/wcur.h"
#include "trace/evspec.h"

void batch_begin(struct batch *b, uint64_t gen, uint64_t m, uint64_t ts)
{
	b->gen = gen;
	b->m = m;
	b->base_ts = b->last_ts = ts;
	b->len = 0;
}

int batch_event(struct batch *b, unsigned type, uint64_t ts, const uint64_t *args, size_t nargs)
{
	const struct evspec *spec = evspec_get(type);
	struct wcur w = { .p = b->body, .pos = b->len, .cap = BATCH_MAX };

	if (!spec || !spec->timed || nargs != spec->nargs || ts < b->last_ts)
		return -EINVAL;

	wcur_u8(&w, (uint8_t)type);
	wcur_uvarint(&w, ts - b->last_ts);
	for (size_t i = 0; i < nargs; i++)
		wcur_uvarint(&w, args[i]);
	if (w.full)
		return -ENOSPC; /* len unmoved: the torn tail is never seen (B2) */

	b->len = (uint32_t)w.pos;
	b->last_ts = ts;
	return 0;
}

/* v in exactly BATCH_GEN_LEN bytes. */
static void gen_bytes(uint8_t p[static BATCH_GEN_LEN], uint64_t v)
{
	for (int i = 0; i < BATCH_GEN_LEN; i++) {
		p[i] = (uint8_t)((v & 0x7f) | (i < BATCH_GEN_LEN - 1 ? 0x80 : 0));
		v >>= 7;
	}
}

void batch_header(struct buf *out, uint64_t gen, uint64_t m, uint64_t ts, size_t len)
{
	uint8_t g[BATCH_GEN_LEN];

	gen_bytes(g, gen);
	buf_u8(out, EV_EVENT_BATCH);
	buf_bytes(out, g, sizeof(g));
	buf_uvarint(out, m);
	buf_uvarint(out, ts);
	buf_uvarint(out, len);
}

int batch_flush(const struct batch *b, struct buf *out)
{
	if (b->len == 0)
		return 0;
	batch_header(out, b->gen, b->m, b->base_ts, b->len);
	buf_bytes(out, b->body, b->len);
	return out->failed ? -ENOMEM : 0;
}

size_t batch_next(const uint8_t *p, size_t len)
{
	struct span s = span_of(p, len);
	uint8_t kind = span_u8(&s);

	if (s.bad || kind == EV_END_OF_GENERATION)
		return s.bad ? 0 : 1;
	if (kind != EV_EVENT_BATCH)
		return 0;
	span_skip(&s, BATCH_GEN_LEN);
	if (s.bad || (p[BATCH_GEN_LEN] & 0x80))
		return 0;
	(void)span_uvarint(&s); /* m */
	(void)span_uvarint(&s); /* ts */
	span_skip(&s, span_uvarint(&s));
	return s.bad ? 0 : s.off;
}

int batch_renumber(uint8_t *p, size_t len, uint64_t gen)
{
	for (size_t at = 0, n; at < len; at += n) {
		n = batch_next(p + at, len - at);
		if (n == 0)
			return -EBADMSG;
		if (n > 1)
			gen_bytes(p + at + 1, gen);
	}
	return 0;
}
