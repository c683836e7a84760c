/*
 * json.h - writes JSON as it goes: no tree, no memory but the buffer.
 *
 * A library would build the whole tree first (jansson, json-c) or is no longer kept (yajl); writing
 * needs only commas and escapes.
 *
 * J1  Commas and nesting are right if every begin has its end; keys are the caller's to keep
 *     unique.
 * J2  Strings come out as valid UTF-8: a byte that is none becomes U+FFFD.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { JSON_DEPTH_MAX = 16 };

struct json {
	struct buf *out; /* borrowed; its failed is the writer's */
	unsigned depth;
	bool more[JSON_DEPTH_MAX]; /* something stands before in this object or list */
};

/* key is NULL in a list, and at the top. */
void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_list(struct json *j, const char *key);
void json_list_end(struct json *j);

void json_str(struct json *j, const char *key, const char *s);
void json_int(struct json *j, const char *key, int64_t v);
void json_uint(struct json *j, const char *key, uint64_t v);
/* Six significant digits; null if v is no number. */
void json_num(struct json *j, const char *key, double v);
void json_bool(struct json *j, const char *key, bool v);

#endif
