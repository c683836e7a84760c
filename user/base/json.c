#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"

static void put_str(struct json *j, const char *text)
{
	const uint8_t *s = (const uint8_t *)text, *end = s + strlen(text);

	buf_u8(j->out, '"');
	while (s < end) {
		size_t n = utf8_len(s, (size_t)(end - s));

		if (!n) {
			buf_bytes(j->out, "\xef\xbf\xbd", 3);
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			buf_u8(j->out, '\\');
			buf_u8(j->out, *s);
		} else if (*s < 0x20 || *s == 0x7f) {
			buf_printf(j->out, "\\u%04x", *s);
		} else {
			buf_bytes(j->out, s, n);
		}
		s += n;
	}
	buf_u8(j->out, '"');
}

/* What stands before a value: a comma, a new line for objects in lists, the key. */
static void put_key(struct json *j, const char *key)
{
	if (j->more[j->depth])
		buf_u8(j->out, ',');
	if (j->depth && (key || j->more[j->depth])) {
		buf_u8(j->out, '\n');
		for (unsigned i = 0; i < j->depth; i++)
			buf_u8(j->out, ' ');
	}
	j->more[j->depth] = true;
	if (!key)
		return;
	put_str(j, key);
	buf_bytes(j->out, ": ", 2);
}

static void put_open(struct json *j, const char *key, char c)
{
	put_key(j, key);
	buf_u8(j->out, (uint8_t)c);
	assert(j->depth + 1 < JSON_DEPTH_MAX);
	j->more[++j->depth] = false;
}

static void put_close(struct json *j, char c)
{
	assert(j->depth);
	j->depth--;
	buf_u8(j->out, (uint8_t)c);
	if (!j->depth)
		buf_u8(j->out, '\n');
}

void json_object(struct json *j, const char *key)
{
	put_open(j, key, '{');
}

void json_object_end(struct json *j)
{
	put_close(j, '}');
}

void json_list(struct json *j, const char *key)
{
	put_open(j, key, '[');
}

void json_list_end(struct json *j)
{
	put_close(j, ']');
}

void json_str(struct json *j, const char *key, const char *s)
{
	put_key(j, key);
	put_str(j, s);
}

void json_int(struct json *j, const char *key, int64_t v)
{
	put_key(j, key);
	buf_printf(j->out, "%" PRId64, v);
}

void json_uint(struct json *j, const char *key, uint64_t v)
{
	put_key(j, key);
	buf_printf(j->out, "%" PRIu64, v);
}

void json_num(struct json *j, const char *key, double v)
{
	put_key(j, key);
	if (isfinite(v))
		buf_printf(j->out, "%.6g", v);
	else
		buf_printf(j->out, "null");
}

void json_bool(struct json *j, const char *key, bool v)
{
	put_key(j, key);
	buf_printf(j->out, v ? "true" : "false");
}
