/* parse.h - what people type and read: durations, sizes, numbers, and the way back to text. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/*
 * "5s", "500ms", "1m30s", "2h", "1.5s", "250us", "100ns"; a bare number means seconds. The result
 * is > 0 and fits 292 years. -EINVAL (not a duration, zero, negative) or -ERANGE, with a sentence
 * in d that quotes the text.
 */
int parse_duration(const char *s, uint64_t *ret_ns, struct diag *d);

/* "64mb", "1g", "512k", "100kb"; powers of 1024; a bare number means bytes; > 0. Errors as above. */
int parse_size(const char *s, uint64_t *ret_bytes, struct diag *d);

/* A decimal number in [min, max]. Errors as above; what names the thing in the sentence. */
int parse_u64(const char *s, const char *what, uint64_t min, uint64_t max, uint64_t *ret,
	      struct diag *d);

enum { PARSE_TEXT_MAX = 32 };

/* "1.234ms", "12.3s", "850ns"; "3.4 MB"; "1,234,567". Each returns text. */
const char *parse_fmt_ns(uint64_t ns, char text[static PARSE_TEXT_MAX]);
const char *parse_fmt_bytes(uint64_t bytes, char text[static PARSE_TEXT_MAX]);
const char *parse_fmt_count(uint64_t n, char text[static PARSE_TEXT_MAX]);

#endif
