#include "trace/genwriter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/num.h"
#include "trace/batch.h"
#include "trace/evspec.h"

enum { TABLE_BATCH = 60 * 1024, NS_PER_S = 1000000000 };

struct str_slot {
	uint32_t off, len; /* of its bytes in str_bytes */
	uint32_t id;	   /* 0: empty */
};

struct genwriter {
	unsigned format, tick_ns;
	uint64_t gen, start_ts, events;
	size_t pending; /* bytes of events not yet in out */
	bool failed;

	struct buf out;		/* finished batches of this generation */
	struct map batch_of;	/* m -> index + 1 in batches */
	struct batch **batches; /* owned; kept from generation to generation */
	size_t batch_cnt, batch_cap;
	uint64_t last_m; /* the batch used last: most events come in runs of one thread */
	struct batch *last;

	struct buf stacks; /* bodies of the stacks' batch being filled */
	struct buf strings;
	struct buf str_bytes;
	struct str_slot *slots; /* open addressing; owned */
	size_t slot_cap, str_cnt;
};

void genwriter_header(unsigned format, uint8_t ret[static 16])
{
	char text[EV_HEADER_LEN + 1] = { 0 };

	snprintf(text, sizeof(text), "go 1.%u trace", format);
	memcpy(ret, text, EV_HEADER_LEN);
}

struct genwriter *genwriter_new(unsigned format, unsigned tick_ns)
{
	struct genwriter *w;

	if (!evspec_version_known(format) || !tick_ns || tick_ns > NS_PER_S)
		return NULL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->format = format;
	w->tick_ns = tick_ns;
	return w;
}

void genwriter_free(struct genwriter *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->batch_cnt; i++)
		free(w->batches[i]);
	free(w->batches);
	map_done(&w->batch_of);
	buf_done(&w->out);
	buf_done(&w->stacks);
	buf_done(&w->strings);
	buf_done(&w->str_bytes);
	free(w->slots);
	free(w);
}

void genwriter_begin(struct genwriter *w, uint64_t gen, uint64_t start_ts)
{
	w->gen = gen;
	w->start_ts = start_ts;
	w->events = 0;
	w->pending = 0;
	w->failed = false;
	/* Threads come and go: keep what the last generation used, not all that ever was. */
	while (w->batch_cnt > w->batch_of.cnt)
		free(w->batches[--w->batch_cnt]);
	map_reset(&w->batch_of);
	w->last = NULL;
	buf_reset(&w->out);
	buf_reset(&w->stacks);
	buf_reset(&w->strings);
	buf_reset(&w->str_bytes);
	w->str_cnt = 0;
	if (w->slots)
		memset(w->slots, 0, w->slot_cap * sizeof(*w->slots));
}

static struct batch *genwriter_batch(struct genwriter *w, uint64_t m, uint64_t ts)
{
	uint64_t at;
	struct batch *b;

	if (w->last && w->last_m == m)
		return w->last;
	at = map_get(&w->batch_of, m, 0);
	if (at == 0) {
		at = w->batch_of.cnt + 1;
		if (at > w->batch_cnt) {
			if (w->batch_cnt == w->batch_cap) {
				size_t cap = w->batch_cap ? w->batch_cap * 2 : 16;
				struct batch **p = reallocarray(w->batches, cap, sizeof(*p));

				if (!p)
					return NULL;
				w->batches = p;
				w->batch_cap = cap;
			}
			b = malloc(sizeof(*b));
			if (!b)
				return NULL;
			w->batches[w->batch_cnt++] = b;
		}
		if (map_put(&w->batch_of, m, at) < 0)
			return NULL;
		batch_begin(w->batches[at - 1], w->gen, m, ts);
	}
	w->last_m = m;
	w->last = w->batches[at - 1];
	return w->last;
}

int genwriter_event(struct genwriter *w, uint64_t m, unsigned type, uint64_t ts,
		    const uint64_t *args, size_t nargs)
{
	const struct evspec *spec = evspec_get(type);
	struct batch *b;
	uint32_t len;
	int err;

	if (!spec || spec->since > w->format || ts < w->start_ts)
		return -EINVAL;
	b = genwriter_batch(w, m, ts);
	if (!b) {
		w->failed = true;
		return -ENOMEM;
	}
	len = b->len;
	err = batch_event(b, type, ts, args, nargs);
	if (err == -ENOSPC) {
		if (batch_flush(b, &w->out) < 0) {
			w->failed = true;
			return -ENOMEM;
		}
		w->pending -= len;
		len = 0;
		batch_begin(b, w->gen, m, b->last_ts);
		err = batch_event(b, type, ts, args, nargs);
	}
	w->pending += b->len - len;
	if (err == 0)
		w->events++;
	return err;
}

static uint64_t str_hash(const char *s, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ULL ^ len; /* FNV-1a, mixed at the end */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)s[i]) * 0x100000001b3ULL;
	return num_mix(h);
}

static struct str_slot *str_find(struct genwriter *w, const char *s, size_t len)
{
	size_t i = (size_t)str_hash(s, len) & (w->slot_cap - 1);

	for (; w->slots[i].id; i = (i + 1) & (w->slot_cap - 1))
		if (w->slots[i].len == len &&
		    memcmp(w->str_bytes.p + w->slots[i].off, s, len) == 0)
			break;
	return &w->slots[i];
}

static int str_grow(struct genwriter *w)
{
	size_t old_cap = w->slot_cap;
	struct str_slot *old = w->slots;

	w->slot_cap = old_cap ? old_cap * 2 : 256;
	w->slots = calloc(w->slot_cap, sizeof(*w->slots));
	if (!w->slots) {
		w->slots = old;
		w->slot_cap = old_cap;
		return -ENOMEM;
	}
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].id)
			*str_find(w, (const char *)w->str_bytes.p + old[i].off, old[i].len) =
				old[i];
	free(old);
	return 0;
}

/* Moves a table's body into a batch of its own when it has grown to a batch's size. */
static void table_flush(struct genwriter *w, struct buf *body, uint8_t kind, size_t limit)
{
	if (body->len == 0 || body->len < limit)
		return;
	batch_header(&w->out, w->gen, TRACE_NO_M, w->start_ts, body->len + 1);
	buf_u8(&w->out, kind);
	buf_bytes(&w->out, body->p, body->len);
	buf_reset(body);
}

uint64_t genwriter_string(struct genwriter *w, const char *s, size_t len)
{
	struct str_slot *slot;

	if (len > LIMIT_STRING) {
		s += len - LIMIT_STRING;
		len = LIMIT_STRING;
	}
	if (len == 0)
		return 0;
	if (w->str_cnt + 1 > w->slot_cap / 2 && str_grow(w) < 0) {
		w->failed = true;
		return 0;
	}
	slot = str_find(w, s, len);
	if (slot->id)
		return slot->id;
	*slot = (struct str_slot){ .off = (uint32_t)w->str_bytes.len, .len = (uint32_t)len };
	buf_bytes(&w->str_bytes, s, len);
	buf_u8(&w->strings, EV_STRING);
	buf_uvarint(&w->strings, w->str_cnt + 1);
	buf_uvarint(&w->strings, len);
	buf_bytes(&w->strings, s, len);
	if (w->str_bytes.failed || w->strings.failed) {
		w->failed = true;
		return 0;
	}
	slot->id = (uint32_t)++w->str_cnt;
	table_flush(w, &w->strings, EV_STRINGS, TABLE_BATCH);
	return slot->id;
}

void genwriter_stack(struct genwriter *w, uint64_t id, const struct gen_frame *frames, size_t n)
{
	if (n > LIMIT_FRAMES)
		n = LIMIT_FRAMES;
	buf_u8(&w->stacks, EV_STACK);
	buf_uvarint(&w->stacks, id);
	buf_uvarint(&w->stacks, n);
	for (size_t i = 0; i < n; i++) {
		buf_uvarint(&w->stacks, frames[i].pc);
		buf_uvarint(&w->stacks,
			    genwriter_string(w, frames[i].func, strlen(frames[i].func)));
		buf_uvarint(&w->stacks,
			    genwriter_string(w, frames[i].file, strlen(frames[i].file)));
		buf_uvarint(&w->stacks, frames[i].line);
	}
	/* The largest stack takes 128 * 4 varints < 5.2 KiB: bodies stay below 64 KiB. */
	table_flush(w, &w->stacks, EV_STACKS, LIMIT_BATCH - 6 * 1024);
}

size_t genwriter_size(const struct genwriter *w)
{
	return w->out.len + w->stacks.len + w->strings.len + w->pending;
}

uint64_t genwriter_events(const struct genwriter *w)
{
	return w->events;
}

/* Frequency alone up to 23; from 25 on a sync batch with the clocks. */
static void genwriter_sync(struct genwriter *w, const struct gen_clock *clock)
{
	struct buf body = { 0 };
	uint64_t base = clock->ts > w->start_ts ? clock->ts : w->start_ts;

	if (w->format >= 25)
		buf_u8(&body, EV_SYNC);
	buf_u8(&body, EV_FREQUENCY);
	buf_uvarint(&body, NS_PER_S / w->tick_ns);
	if (w->format >= 25) {
		buf_u8(&body, EV_CLOCK_SNAPSHOT);
		buf_uvarint(&body, base - w->start_ts);
		buf_uvarint(&body, clock->mono_ns);
		buf_uvarint(&body, clock->wall_ns / NS_PER_S);
		buf_uvarint(&body, clock->wall_ns % NS_PER_S);
	}
	batch_header(&w->out, w->gen, TRACE_NO_M, w->start_ts, body.len);
	buf_bytes(&w->out, body.p, body.len);
	if (body.failed)
		w->failed = true;
	buf_done(&body);
}

int genwriter_end(struct genwriter *w, const struct gen_clock *clock, struct buf *out)
{
	for (size_t i = 0; i < w->batch_of.cnt; i++)
		if (batch_flush(w->batches[i], &w->out) < 0)
			w->failed = true;
	table_flush(w, &w->stacks, EV_STACKS, 0);
	table_flush(w, &w->strings, EV_STRINGS, 0);
	genwriter_sync(w, clock);
	if (w->format >= 26)
		buf_u8(&w->out, EV_END_OF_GENERATION);
	if (w->failed || w->out.failed || w->stacks.failed || w->strings.failed)
		return -ENOMEM;
	buf_bytes(out, w->out.p, w->out.len);
	return out->failed ? -ENOMEM : 0;
}
