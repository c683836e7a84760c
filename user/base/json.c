#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Length of the UTF-8 character at s, or 0: there is none. s is zero-terminated. */
static size_t utf8_len(const unsigned char *s)
{
	uint32_t c;
	size_t n;

	if (*s < 0x80)
		return 1;
	if (*s >= 0xc2 && *s < 0xe0)
		n = 2;
	else if (*s >= 0xe0 && *s < 0xf0)
		n = 3;
	else if (*s >= 0xf0 && *s < 0xf5)
		n = 4;
	else
		return 0;
	c = *s & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
	    (n == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	return n;
}

static void put_str(struct json *j, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	buf_u8(j->out, '"');
	while (*s) {
		size_t n = utf8_len(s);

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
