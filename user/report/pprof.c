#include "report/pprof.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/map.h"
#include "base/scope.h"

/* profile.proto: message Profile, and those in it. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING_TABLE = 6,
	PROFILE_DURATION_NANOS = 10,
	PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	VALUETYPE_TYPE = 1,
	VALUETYPE_UNIT = 2,
	SAMPLE_LOCATION_ID = 1,
	SAMPLE_VALUE = 2,
	LOCATION_ID = 1,
	LOCATION_ADDRESS = 3,
	LOCATION_LINE = 4,
	LINE_FUNCTION_ID = 1,
	LINE_LINE = 2,
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
	FUNCTION_FILENAME = 4,
};

enum { WIRE_VARINT = 0, WIRE_LEN = 2 };

struct encoder {
	const struct profile *p;
	struct buf *out;
	struct buf msg, sub;		 /* the message at hand, and one in it */
	struct map strings;		 /* name -> index in the string table */
	struct map locations, functions; /* frame, (function, file) -> id */
	uint64_t string_cnt;
	bool failed;
};

static void put_uint(struct buf *b, unsigned field, uint64_t v)
{
	buf_uvarint(b, field << 3 | WIRE_VARINT);
	buf_uvarint(b, v);
}

static void put_bytes(struct buf *b, unsigned field, const void *p, size_t len)
{
	buf_uvarint(b, field << 3 | WIRE_LEN);
	buf_uvarint(b, len);
	buf_bytes(b, p, len);
}

static void put_msg(struct buf *b, unsigned field, struct buf *msg)
{
	put_bytes(b, field, msg->p, msg->len);
	b->failed |= msg->failed;
	buf_reset(msg);
}

static uint64_t add_text(struct encoder *e, const char *s)
{
	put_bytes(e->out, PROFILE_STRING_TABLE, s, strlen(s));
	return e->string_cnt++;
}

static uint64_t string_of(struct encoder *e, uint32_t name)
{
	uint64_t *at = map_find(&e->strings, name), i;

	if (at)
		return *at;
	i = name ? add_text(e, intern_get(&e->p->in, name)) : 0;
	e->failed |= map_put(&e->strings, name, i) < 0;
	return i;
}

static void put_type(struct encoder *e, unsigned field, const char *type, const char *unit)
{
	put_uint(&e->msg, VALUETYPE_TYPE, add_text(e, type));
	put_uint(&e->msg, VALUETYPE_UNIT, add_text(e, unit));
	put_msg(e->out, field, &e->msg);
}

static uint64_t function_of(struct encoder *e, const struct intern_frame *f)
{
	uint64_t key = (uint64_t)f->func << 32 | f->file, id = e->functions.cnt + 1;
	const uint64_t *at = map_find(&e->functions, key);

	if (at)
		return *at;
	e->failed |= map_put(&e->functions, key, id) < 0;
	put_uint(&e->msg, FUNCTION_ID, id);
	put_uint(&e->msg, FUNCTION_NAME, string_of(e, f->func));
	put_uint(&e->msg, FUNCTION_SYSTEM_NAME, string_of(e, f->func));
	put_uint(&e->msg, FUNCTION_FILENAME, string_of(e, f->file));
	put_msg(e->out, PROFILE_FUNCTION, &e->msg);
	return id;
}

/* Q1 */
static uint64_t location_of(struct encoder *e, const struct intern_frame *f)
{
	uint64_t id = e->locations.cnt + 1, function;
	const uint64_t *at = map_find(&e->locations, (uintptr_t)f);

	if (at)
		return *at;
	e->failed |= map_put(&e->locations, (uintptr_t)f, id) < 0;
	function = function_of(e, f);
	put_uint(&e->sub, LINE_FUNCTION_ID, function);
	put_uint(&e->sub, LINE_LINE, f->line);
	put_uint(&e->msg, LOCATION_ID, id);
	put_uint(&e->msg, LOCATION_ADDRESS, f->pc);
	put_msg(&e->msg, LOCATION_LINE, &e->sub);
	put_msg(e->out, PROFILE_LOCATION, &e->msg);
	return id;
}

static void put_sample(struct encoder *e, const struct profile_row *row)
{
	const struct intern_stack *s = intern_get_stack(&e->p->in, (uint32_t)row->key);
	SCOPED(buf_done) struct buf ids = { 0 };

	for (uint32_t i = 0; i < s->cnt; i++)
		buf_uvarint(&ids, location_of(e, s->frames[i]));
	buf_uvarint(&e->sub, row->cnt);
	buf_uvarint(&e->sub, (uint64_t)row->ns);
	put_msg(&e->msg, SAMPLE_LOCATION_ID, &ids);
	put_msg(&e->msg, SAMPLE_VALUE, &e->sub);
	put_msg(e->out, PROFILE_SAMPLE, &e->msg);
}

static void encode(struct encoder *e)
{
	bool cpu = e->p->kind == PROFILE_CPU;

	add_text(e, "");
	put_type(e, PROFILE_SAMPLE_TYPE, cpu ? "samples" : "contentions", "count");
	put_type(e, PROFILE_SAMPLE_TYPE, cpu ? "cpu" : "delay", "nanoseconds");
	for (size_t i = 0; i < e->p->rows.cnt; i++)
		put_sample(e, tab_row(&e->p->rows, i));
	put_uint(e->out, PROFILE_DURATION_NANOS, (uint64_t)(e->p->last - e->p->first));
	put_type(e, PROFILE_PERIOD_TYPE, cpu ? "cpu" : "trace", cpu ? "nanoseconds" : "count");
	put_uint(e->out, PROFILE_PERIOD, cpu ? PROFILE_CPU_PERIOD_NS : 1);
}

int pprof_encode(const struct profile *p, struct buf *out)
{
	struct encoder e = { .p = p, .out = out };
	bool failed;

	encode(&e);
	failed = e.failed || e.msg.failed || e.sub.failed || out->failed;
	buf_done(&e.msg);
	buf_done(&e.sub);
	map_done(&e.strings);
	map_done(&e.locations);
	map_done(&e.functions);
	return failed ? -ENOMEM : 0;
}

int pprof_gzip(const struct buf *in, struct buf *out)
{
	enum { GZIP_WINDOW = 15 + 16 }; /* zlib.h: 16 more asks for a gzip header */
	z_stream z = { .next_in = in->p };
	uLong most;
	int rc;

	if (in->len > UINT32_MAX / 2)
		return -ENOMEM;
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	most = deflateBound(&z, (uLong)in->len);
	if (buf_reserve(out, most) < 0) {
		deflateEnd(&z);
		return -ENOMEM;
	}
	z.avail_in = (uInt)in->len;
	z.next_out = out->p + out->len;
	z.avail_out = (uInt)most;
	rc = deflate(&z, Z_FINISH);
	out->len += most - z.avail_out;
	deflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : -ENOMEM;
}
