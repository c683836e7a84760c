#include "cmd/flightopts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/parse.h"

static const uint64_t window_min_ns = 100 * 1000 * 1000ULL;
static const uint64_t window_max_ns = 7 * 24 * 3600 * 1000000000ULL;

static int take_bytes(const char *text, struct flight_opts *o, struct diag *d)
{
	uint64_t phys = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	char has[PARSE_TEXT_MAX];
	uint64_t n;
	int err = parse_size(text, &n, d);

	if (err < 0)
		return err;
	if (n < FLIGHT_MIN_BYTES)
		return diag_set(d, -ERANGE, "-F: %s is too small a window; use 1mb or more", text);
	if (n > phys / 4 * 3)
		return diag_set(d, -ERANGE,
				"-F: %s is more than this machine can spare (it has %s of memory)",
				text, parse_fmt_bytes(phys, has));
	o->bytes = n;
	o->bytes_given = true;
	return 0;
}

static int take_window(const char *text, uint64_t ns, struct flight_opts *o, struct diag *d)
{
	if (ns < window_min_ns)
		return diag_set(d, -ERANGE, "-F: a window of %s is too short; use 100ms or more",
				text);
	if (ns > window_max_ns)
		return diag_set(d, -ERANGE, "-F: a window of %s is too long; use 168h or less",
				text);
	o->window_ns = ns;
	return 0;
}

int flightopts_window(const char *text, struct flight_opts *o, struct diag *d)
{
	const char *comma = strchr(text, ',');
	size_t len = comma ? (size_t)(comma - text) : strlen(text);
	struct flight_opts n = *o;
	struct diag why = { 0 };
	char first[64];
	uint64_t ns;
	int err;

	if (len == 0 || len >= sizeof(first) || (comma && !comma[1]))
		return diag_set(d, -EINVAL,
				"-F '%s': use TIME, SIZE or TIME,SIZE: 30s, 256mb or "
				"30s,256mb",
				text);
	memcpy(first, text, len);
	first[len] = '\0';
	n.window_ns = 0;
	n.bytes = FLIGHT_DEFAULT_BYTES;
	n.bytes_given = false;
	err = parse_duration(first, &ns, &why);
	if (!err)
		err = take_window(first, ns, &n, d);
	else if (!comma && err == -EINVAL)
		/* A lone size: what it is not is told as for both. */
		err = parse_size(first, &ns, NULL) == -EINVAL
			      ? diag_set(d, err, "-F: %s; use a time (30s), a size (256mb) or both",
					 why.text)
			      : take_bytes(first, &n, d);
	else
		*d = why;
	if (!err && comma)
		err = take_bytes(comma + 1, &n, d);
	if (err < 0)
		return err;
	n.on = true;
	*o = n;
	return 0;
}

static int take_name(const char *arg, const char *opt, const char **to, struct diag *d)
{
	if (!*arg)
		return diag_set(d, -EINVAL, "%s: the name is empty", opt);
	*to = arg;
	return 0;
}

static int take_cond(struct flight_opts *o, const char *arg, struct diag *d)
{
	int err;

	if (o->cond_cnt == FLIGHT_CONDS)
		return diag_set(d, -EINVAL, "--on: at most %d conditions", FLIGHT_CONDS);
	err = cond_parse(arg, &o->conds[o->cond_cnt], d);
	if (!err)
		o->cond_cnt++;
	return err;
}

static int take(struct flight_opts *o, int c, const char *arg, struct diag *d)
{
	switch (c) {
	case 'F':
		return flightopts_window(arg, o, d);
	case OPT_AFTER:
		return parse_duration(arg, &o->after_ns, d);
	case OPT_LAST:
		return parse_duration(arg, &o->last_ns, d);
	case OPT_MIN_INTERVAL:
		return parse_duration(arg, &o->min_interval_ns, d);
	case OPT_MAX_DUMPS:
		return parse_u64(arg, "--max-dumps", 1, 1000000, &o->max_dumps, d);
	case OPT_MAX_DISK:
		return parse_size(arg, &o->max_disk, d);
	case OPT_ON:
		return take_cond(o, arg, d);
	case OPT_DUMP_ON_EXIT:
		o->dump_on_exit = true;
		return 0;
	case OPT_COMM:
		return take_name(arg, "--comm", &o->comm, d);
	case OPT_EXE:
		return take_name(arg, "--exe", &o->exe, d);
	case OPT_FOLLOW:
		o->follow = true;
		return 0;
	default:
		return -ENOENT;
	}
}

int flightopts_take(struct flight_opts *o, int c, const char *arg, struct diag *d)
{
	static const struct {
		int c;
		const char *name;
	} names[] = { { OPT_AFTER, "--after" },
		      { OPT_LAST, "--last" },
		      { OPT_MIN_INTERVAL, "--min-interval" },
		      { OPT_MAX_DUMPS, "--max-dumps" },
		      { OPT_MAX_DISK, "--max-disk" },
		      { OPT_ON, "--on" },
		      { OPT_DUMP_ON_EXIT, "--dump-on-exit" },
		      { OPT_FOLLOW, "--follow" } };
	int err = take(o, c, arg, d);

	for (size_t i = 0; !err && i < ARRAY_LEN(names); i++)
		if (names[i].c == c && !o->any)
			o->any = names[i].name;
	return err;
}

int flightopts_check(const struct flight_opts *o, struct diag *d)
{
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX];

	if (o->comm && o->exe)
		return diag_set(d, -EINVAL, "--comm and --exe: name the process one way only");
	if (!o->on)
		return o->any ? diag_set(d, -EINVAL, "%s: goes with a flight recorder; add -F TIME",
					 o->any)
			      : 0;
	if (o->window_ns && o->last_ns > o->window_ns)
		return diag_set(d, -EINVAL, "--last %s: no more than the window of %s is kept",
				parse_fmt_ns(o->last_ns, a), parse_fmt_ns(o->window_ns, b));
	if (o->window_ns && o->after_ns > o->window_ns)
		return diag_set(d, -EINVAL,
				"--after %s: the trigger would be out of the window of %s by then",
				parse_fmt_ns(o->after_ns, a), parse_fmt_ns(o->window_ns, b));
	if (o->max_disk && o->max_disk < o->bytes)
		return diag_set(d, -EINVAL,
				"--max-disk %s: one dump can take %s; give -F a smaller size",
				parse_fmt_bytes(o->max_disk, a), parse_fmt_bytes(o->bytes, b));
	if (o->follow && !o->comm && !o->exe)
		return diag_set(d, -EINVAL,
				"--follow: a successor is found by name; use --comm or --exe");
	return 0;
}
