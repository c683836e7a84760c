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

int batch_renumber(uint8_t *p, size_t len, uint64_t gen)
{
	struct span s = span_of(p, len);

	while (s.left) {
		uint8_t kind = span_u8(&s);
		uint64_t size;
		size_t at = s.off;

		if (kind == EV_END_OF_GENERATION)
			continue;
		if (kind != EV_EVENT_BATCH)
			return -EBADMSG;
		span_skip(&s, BATCH_GEN_LEN);
		(void)span_uvarint(&s); /* m */
		(void)span_uvarint(&s); /* ts */
		size = span_uvarint(&s);
		span_skip(&s, size);
		if (s.bad || (p[at + BATCH_GEN_LEN - 1] & 0x80))
			return -EBADMSG;
		gen_bytes(p + at, gen);
	}
	return s.bad ? -EBADMSG : 0;
}
