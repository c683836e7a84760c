#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit time_units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "ms", 1000 * 1000 },
	{ "s", 1000ULL * 1000 * 1000 },
	{ "m", 60ULL * 1000 * 1000 * 1000 },
	{ "h", 3600ULL * 1000 * 1000 * 1000 },
	{ NULL, 0 },
};

static const struct unit size_units[] = {
	{ "b", 1 },
	{ "k", 1ULL << 10 },
	{ "kb", 1ULL << 10 },
	{ "kib", 1ULL << 10 },
	{ "m", 1ULL << 20 },
	{ "mb", 1ULL << 20 },
	{ "mib", 1ULL << 20 },
	{ "g", 1ULL << 30 },
	{ "gb", 1ULL << 30 },
	{ "gib", 1ULL << 30 },
	{ NULL, 0 },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One "number unit" term at *s. 0, -EINVAL or -ERANGE. */
static int parse_term(const char **s, const struct unit *units, uint64_t bare, uint64_t *ret)
{
	uint64_t whole = 0, frac = 0, scale = 1, factor = 0, a;
	const char *p = *s;
	size_t len = 0;
	bool digits = false;

	for (; is_digit(*p); p++, digits = true)
		if (num_mul(whole, (uint64_t)10, &whole) ||
		    num_add(whole, (uint64_t)(*p - '0'), &whole))
			return -ERANGE;
	if (*p == '.') {
		for (p++; is_digit(*p); p++, digits = true) {
			if (scale < 1000000000ULL) {
				frac = frac * 10 + (uint64_t)(*p - '0');
				scale *= 10;
			}
		}
	}
	if (!digits)
		return -EINVAL;
	while ((p[len] | 0x20) >= 'a' && (p[len] | 0x20) <= 'z')
		len++;
	if (len == 0 && *p == '\0') {
		factor = bare;
	} else {
		for (const struct unit *u = units; u->name; u++)
			if (strlen(u->name) == len && strncasecmp(u->name, p, len) == 0)
				factor = u->factor;
	}
	if (factor == 0)
		return -EINVAL;
	/* frac < 1e9 and factor <= 3.6e12: their product can pass 64 bits, their quotient cannot. */
	if (num_mul(whole, factor, &a) ||
	    num_add(a, (uint64_t)((unsigned __int128)frac * factor / scale), &a))
		return -ERANGE;
	*s = p + len;
	*ret = a;
	return 0;
}

static int parse_sum(const char *s, const struct unit *units, uint64_t bare, bool many,
		     uint64_t *ret)
{
	uint64_t sum = 0, term;

	do {
		int err = parse_term(&s, units, bare, &term);

		if (err < 0)
			return err;
		if (num_add(sum, term, &sum) || sum > INT64_MAX)
			return -ERANGE;
	} while (many && *s);
	if (*s)
		return -EINVAL;
	*ret = sum;
	return 0;
}

int parse_duration(const char *s, uint64_t *ret_ns, struct diag *d)
{
	uint64_t ns = 0;
	int err = parse_sum(s, time_units, 1000000000ULL, true, &ns);

	if (err == -ERANGE)
		return diag_set(d, err, "duration '%s' is too long; the most is 292 years", s);
	if (err < 0)
		return diag_set(d, err,
				"'%s' is not a duration; write for example 5s, 500ms or 1m30s", s);
	if (ns == 0)
		return diag_set(d, -EINVAL, "duration '%s' is zero; it must be longer", s);
	*ret_ns = ns;
	return 0;
}

int parse_size(const char *s, uint64_t *ret_bytes, struct diag *d)
{
	uint64_t n = 0;
	int err = parse_sum(s, size_units, 1, false, &n);

	if (err == -ERANGE)
		return diag_set(d, err, "size '%s' is too large", s);
	if (err < 0)
		return diag_set(d, err, "'%s' is not a size; write for example 64mb, 512k or 1g",
				s);
	if (n == 0)
		return diag_set(d, -EINVAL, "size '%s' is zero; it must be more", s);
	*ret_bytes = n;
	return 0;
}

int parse_u64(const char *s, const char *what, uint64_t min, uint64_t max, uint64_t *ret,
	      struct diag *d)
{
	uint64_t v = 0;
	const char *p = s;

	for (; is_digit(*p); p++)
		if (num_mul(v, (uint64_t)10, &v) || num_add(v, (uint64_t)(*p - '0'), &v))
			return diag_set(d, -ERANGE, "%s '%s' is too large", what, s);
	if (p == s || *p)
		return diag_set(d, -EINVAL, "%s '%s' is not a number", what, s);
	if (v < min || v > max)
		return diag_set(d, -ERANGE, "%s '%s' is not between %" PRIu64 " and %" PRIu64,
				what, s, min, max);
	*ret = v;
	return 0;
}

const char *parse_fmt_ns(uint64_t ns, char text[static PARSE_TEXT_MAX])
{
	if (ns < 1000)
		snprintf(text, PARSE_TEXT_MAX, "%" PRIu64 "ns", ns);
	else if (ns < 1000000)
		snprintf(text, PARSE_TEXT_MAX, "%.4gus", (double)ns / 1e3);
	else if (ns < 1000000000)
		snprintf(text, PARSE_TEXT_MAX, "%.4gms", (double)ns / 1e6);
	else
		snprintf(text, PARSE_TEXT_MAX, "%.2fs", (double)ns / 1e9);
	return text;
}

const char *parse_fmt_bytes(uint64_t bytes, char text[static PARSE_TEXT_MAX])
{
	if (bytes < 1024)
		snprintf(text, PARSE_TEXT_MAX, "%" PRIu64 " B", bytes);
	else if (bytes < 1024 * 1024)
		snprintf(text, PARSE_TEXT_MAX, "%.1f KB", (double)bytes / 1024);
	else if (bytes < 1024ULL * 1024 * 1024)
		snprintf(text, PARSE_TEXT_MAX, "%.1f MB", (double)bytes / (1024 * 1024));
	else
		snprintf(text, PARSE_TEXT_MAX, "%.2f GB", (double)bytes / (1024.0 * 1024 * 1024));
	return text;
}

const char *parse_fmt_count(uint64_t n, char text[static PARSE_TEXT_MAX])
{
	char raw[PARSE_TEXT_MAX];
	int len = snprintf(raw, sizeof(raw), "%" PRIu64, n);
	size_t w = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			text[w++] = ',';
		text[w++] = raw[i];
	}
	text[w] = '\0';
	return text;
}
