#include "trace/cursor.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"

/* Go 1.11 to 1.21 wrote these; their format has nothing in common with this one. */
static bool header_is_v1(unsigned v)
{
	return v < 22;
}

/* The NN of "go 1.NN trace" 00...; 0 if it is not that. */
static unsigned header_number(const char *h)
{
	static const char tail[] = " trace\0\0\0\0";
	unsigned v = 0;
	size_t i = 5;

	if (memcmp(h, "go 1.", 5))
		return 0;
	for (; i < 8 && h[i] >= '0' && h[i] <= '9'; i++)
		v = v * 10 + (unsigned)(h[i] - '0');
	return i > 5 && !memcmp(h + i, tail, EV_HEADER_LEN - i) ? v : 0;
}

int cursor_header(const void *p, size_t len, unsigned *ret_version, struct diag *d)
{
	unsigned v;

	if (!len)
		return diag_set_at(d, 0, -EBADMSG, "the file is empty: not a Go execution trace");
	if (len < EV_HEADER_LEN) {
		if (len >= 5 && !memcmp(p, "go 1.", 5))
			return diag_set_at(d, len, -EBADMSG,
					   "truncated: the file ends in its header");
		return diag_set_at(d, 0, -EBADMSG, "not a Go execution trace (%zu bytes)", len);
	}
	v = header_number(p);
	if (!v)
		return diag_set_at(
			d, 0, -EBADMSG,
			"not a Go execution trace (it does not begin with \"go 1.NN trace\")");
	if (header_is_v1(v))
		return diag_set_at(
			d, 0, -ENOTSUP,
			"a trace in the old format of Go 1.%u (version 1); only the format of Go "
			"1.22 and newer is read: open it with `go tool trace`, or record again "
			"with "
			"a program built by Go 1.22 or newer",
			v);
	if (!evspec_version_known(v))
		return diag_set_at(
			d, 0, -ENOTSUP,
			"trace format \"go 1.%u\" is unknown; known are 1.22, 1.23, 1.25 and 1.26: "
			"a newer gotrace-bpf may read it",
			v);
	*ret_version = v;
	return 0;
}

static enum cursor_kind batch_kind(unsigned version, const uint8_t *data, size_t len)
{
	if (!len)
		return BATCH_EVENTS;
	switch (data[0]) {
	case EV_STRINGS:
		return BATCH_STRINGS;
	case EV_STACKS:
		return BATCH_STACKS;
	case EV_CPU_SAMPLES:
		return BATCH_SAMPLES;
	case EV_FREQUENCY:
		return version < 25 ? BATCH_SYNC : BATCH_EVENTS;
	case EV_SYNC:
		return version < 25 ? BATCH_EVENTS : BATCH_SYNC;
	case EV_END_OF_GENERATION:
		return BATCH_END;
	default:
		return BATCH_EVENTS;
	}
}

int cursor_batch(const struct span *at, uint64_t off, unsigned version,
		 struct cursor_batch *ret_batch, struct diag *d)
{
	struct span s = *at;
	struct cursor_batch b = { .m = TRACE_NO_M };
	uint8_t type = span_u8(&s), exp = 0;
	const uint8_t *data;
	uint64_t len;

	if (!s.bad && type == EV_END_OF_GENERATION) {
		b.kind = BATCH_END;
		b.head_len = 1;
		*ret_batch = b;
		return 0;
	}
	if (!s.bad && type != EV_EVENT_BATCH && type != EV_EXPERIMENTAL_BATCH)
		return diag_set_at(d, off, -EBADMSG, "a batch must begin here, not a byte %u",
				   type);
	if (type == EV_EXPERIMENTAL_BATCH)
		exp = span_u8(&s);
	b.gen = span_uvarint(&s);
	b.m = span_uvarint(&s);
	b.ts = span_uvarint(&s);
	len = span_uvarint(&s);
	if (s.bad && s.off - at->off < at->left && s.off - at->off < CURSOR_BATCH_MAX - LIMIT_BATCH)
		return diag_set_at(d, off, -EBADMSG,
				   "a number in a batch's header is longer than 64 bits");
	if (s.bad)
		return diag_set_at(d, off, -EBADMSG,
				   "truncated: the file ends in a batch's header");
	if (len > LIMIT_BATCH)
		return diag_set_at(d, off, -EBADMSG, "a batch of %llu bytes; at most %d are lawful",
				   (unsigned long long)len, LIMIT_BATCH);
	b.head_len = s.off - at->off;
	data = span_take(&s, len);
	if (!data)
		return diag_set_at(d, off, -EBADMSG,
				   "truncated: the file ends %zu bytes into a batch of %llu",
				   at->left - b.head_len, (unsigned long long)len);
	b.len = (size_t)len;
	b.kind = exp ? BATCH_EXPERIMENT : batch_kind(version, data, b.len);
	*ret_batch = b;
	return 0;
}

void cursor_begin(struct cursor *c, const uint8_t *data, size_t len, uint64_t ts, double mul)
{
	c->s = span_of(data, len);
	c->last_ns = 0;
	c->ts = ts;
	c->mul = mul;
	c->ev = c->end = c->evs;
}

/* Why an event of this type could not be decoded. */
static const char *cursor_refuse(unsigned type)
{
	if (!evspec_get(type))
		return "no event has this type";
	if (!evspec_table[type].timed)
		return "this event does not belong into a thread's batch";
	return "an event's number is cut off by the end of its batch, or longer than 64 bits";
}

/* One number at p, where 10 bytes can be read; *len is 0 after one of 9 or 10 bytes. */
static inline const uint8_t *cursor_number(const uint8_t *p, uint64_t *ret, unsigned *len)
{
	uint64_t a = p[0], b, c;

	if (a < 0x80) {
		*ret = a;
		return p + 1;
	}
	b = p[1];
	if (b < 0x80) {
		*ret = (a & 0x7f) | b << 7;
		return p + 2;
	}
	c = p[2];
	if (c < 0x80) {
		*ret = (a & 0x7f) | (b & 0x7f) << 7 | c << 14;
		return p + 3;
	}
	*len = span_uvarint8(p, ret);
	return p + *len;
}

/*
 * dt and n - 1 arguments at p, where the largest event and 8 bytes more can be read: one test for
 * all. Returns what follows them, or NULL: one has 9 or 10 bytes. Written out: the loop costs as
 * much as the numbers.
 */
static inline const uint8_t *cursor_numbers(const uint8_t *p, unsigned n, uint64_t *dt,
					    uint64_t *args)
{
	unsigned len = 1;

	p = cursor_number(p, dt, &len);
	if (n > 1)
		p = cursor_number(p, &args[0], &len);
	if (n > 2)
		p = cursor_number(p, &args[1], &len);
	if (n > 3)
		p = cursor_number(p, &args[2], &len);
	for (unsigned i = 4; i < n && len; i++)
		p = cursor_number(p, &args[i - 1], &len);
	return len ? p : NULL;
}

/* The careful form. */
static const uint8_t *cursor_numbers_slow(const uint8_t *p, size_t left, unsigned n, uint64_t *dt,
					  uint64_t *args)
{
	struct span s = span_of(p, left);

	*dt = span_uvarint(&s);
	for (unsigned i = 1; i < n; i++)
		args[i - 1] = span_uvarint(&s);
	return s.bad ? NULL : s.p;
}

/*
 * Decodes events from p on while there is room for them and CURSOR_EVENT_MAX + 8 bytes can be read,
 * up to the first that is not of the usual form. Moves *ev and *last; returns what follows. mul is
 * at most 128: so 8 bytes of dt are a time that fits.
 */
static const uint8_t *cursor_fast(const struct cursor *c, const uint8_t *p, const uint8_t *stop,
				  struct cursor_event **ev, const struct cursor_event *end,
				  int64_t *last)
{
	struct cursor_event *e = *ev;
	const int64_t base = cursor_ns(c->mul, c->ts);
	const uint8_t *data = c->s.p - c->s.off;
	const double mul = c->mul;
	int64_t t = *last;

	while (e < end && p < stop) {
		unsigned n = evspec_numbers[*p];
		const uint8_t *next;
		uint64_t dt = 0;

		if (__builtin_expect(!n, 0))
			break;
		next = cursor_numbers(p + 1, n, &dt, e->args);
		if (__builtin_expect(!next, 0))
			break;
		t = t ? t : base;
		t = (int64_t)((uint64_t)t + (uint64_t)(int64_t)((double)(int64_t)dt * mul));
		e->time_ns = t;
		e->type = *p;
		e->off = (uint32_t)(p - data);
		p = next;
		e++;
	}
	*ev = e;
	*last = t;
	return p;
}

/*
 * The event at p, which is not the end. Returns what follows it, or NULL: its type or its numbers
 * are not lawful, or it is cut off.
 */
static const uint8_t *cursor_slow(const struct cursor *c, const uint8_t *p, const uint8_t *stop,
				  struct cursor_event *ev, int64_t *last)
{
	unsigned n = evspec_numbers[*p];
	const uint8_t *next;
	uint64_t dt = 0;

	if (!n)
		return NULL;
	next = cursor_numbers_slow(p + 1, (size_t)(stop - p - 1), n, &dt, ev->args);
	if (!next)
		return NULL;
	/* As Go has it: 0 means "not set", also where it is a time. */
	if (!*last)
		*last = cursor_ns(c->mul, c->ts);
	*last = (int64_t)((uint64_t)cursor_ns(c->mul, dt) + (uint64_t)*last);
	ev->time_ns = *last;
	ev->type = *p;
	ev->off = (uint32_t)(p - (c->s.p - c->s.off));
	return next;
}

int cursor_fill(struct cursor *c, const char **ret_why)
{
	struct cursor_event *ev = c->evs, *end = ev + CURSOR_BLOCK;
	const uint8_t *p = c->s.p, *stop = p + c->s.left, *fast = p;
	int64_t last = c->last_ns;

	c->ev = ev;
	c->plain = false;
	if (c->s.left > CURSOR_EVENT_MAX + 8 && c->mul <= 128)
		fast = stop - CURSOR_EVENT_MAX - 8;
	while (ev < end && p < stop) {
		const uint8_t *next;

		p = cursor_fast(c, p, fast, &ev, end, &last);
		if (ev == end || p == stop)
			break;
		next = cursor_slow(c, p, stop, ev, &last);
		if (!next)
			break;
		p = next;
		ev++;
	}
	c->end = ev;
	c->last_ns = last;
	span_skip(&c->s, (size_t)(p - c->s.p));
	if (ev > c->ev)
		return 1;
	if (p == stop)
		return 0;
	*ret_why = cursor_refuse(*p);
	return -EBADMSG;
}
