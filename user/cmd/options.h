/* options.h - what the user asked for: the command line of a recording, checked and in units. */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "cmd/budgetopts.h"
#include "cmd/flightopts.h"

/* Exit statuses: for scripts, stable. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_LOSSES = 3 };

struct options {
	int pid;
	uint64_t duration_ns; /* 0: until Ctrl-C */
	const char *out;      /* NULL: a name of our own; "-": stdout */
	const char *capture;  /* NULL: none */
	unsigned format;      /* 0: auto */
	size_t ring_bytes;    /* 0: chosen */
	uint8_t syscalls; /* enum plan_syscalls */
	uint8_t plan;	  /* enum rec_plan */
	bool plan_auto;	  /* full, and a budget */
	bool overhead_given;
	struct budget_asked budget;
	bool allow_traced, quiet, verbose;
	struct flight_opts flight;
};

/* 0; -EINVAL with a sentence. Texts are borrowed from argv. */
int options_record(int argc, char **argv, struct options *ret, struct diag *d);

/* "auto", "1.22", ... to 0, 22, ...; -EINVAL with a sentence. */
int options_format(const char *text, unsigned *ret, struct diag *d);

/* A pid, or a sentence that says what it is not. */
int options_pid(const char *text, int *ret, struct diag *d);

extern const char options_help[];

#endif
