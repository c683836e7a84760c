/* flightopts.h - what the user asked of a flight recorder: -F and the options that go with it. */
#ifndef CMD_FLIGHTOPTS_H
#define CMD_FLIGHTOPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "cmd/cond.h"

enum {
	FLIGHT_DEFAULT_BYTES = 256 * 1024 * 1024, /* with a window of time alone */
	FLIGHT_MIN_BYTES = 1024 * 1024,
	FLIGHT_CONDS = 16,
};

struct flight_opts {
	bool on;
	uint64_t window_ns; /* 0: by size alone */
	size_t bytes;	    /* never 0 when on */
	bool bytes_given;
	uint64_t after_ns, last_ns, min_interval_ns;
	uint64_t max_dumps, max_disk; /* 0: no bound */
	bool dump_on_exit;
	const char *comm, *exe; /* the process by name; borrowed */
	bool follow;
	struct cond conds[FLIGHT_CONDS];
	size_t cond_cnt;
	const char *any; /* the first of these options that was given, for messages */
};

/* Values of getopt_long for these options begin here. */
enum flight_opt {
	OPT_AFTER = 512,
	OPT_LAST,
	OPT_MIN_INTERVAL,
	OPT_MAX_DUMPS,
	OPT_MAX_DISK,
	OPT_ON,
	OPT_DUMP_ON_EXIT,
	OPT_COMM,
	OPT_EXE,
	OPT_FOLLOW,
};

/* clang-format off */
#define FLIGHT_LONG_OPTIONS                                                                        \
	{ "flight", required_argument, NULL, 'F' },                                                \
	{ "after", required_argument, NULL, OPT_AFTER },                                           \
	{ "last", required_argument, NULL, OPT_LAST },                                             \
	{ "min-interval", required_argument, NULL, OPT_MIN_INTERVAL },                             \
	{ "max-dumps", required_argument, NULL, OPT_MAX_DUMPS },                                   \
	{ "max-disk", required_argument, NULL, OPT_MAX_DISK },                                     \
	{ "on", required_argument, NULL, OPT_ON },                                                 \
	{ "dump-on-exit", no_argument, NULL, OPT_DUMP_ON_EXIT },                                   \
	{ "comm", required_argument, NULL, OPT_COMM },                                             \
	{ "exe", required_argument, NULL, OPT_EXE },                                               \
	{ "follow", no_argument, NULL, OPT_FOLLOW }
/* clang-format on */

/*
 * Takes option c (as getopt_long returned it). 0, -EINVAL with a sentence, -ENOENT not one of
 * these.
 */
int flightopts_take(struct flight_opts *o, int c, const char *arg, struct diag *d);

/* "30s", "30s,256mb", "256mb". -EINVAL or -ERANGE with a sentence. */
int flightopts_window(const char *text, struct flight_opts *o, struct diag *d);

/* Judges them together, after all were taken. */
int flightopts_check(const struct flight_opts *o, struct diag *d);

#endif
