/*
 * naming.h - names of dumps by template.
 *
 *	%p pid  %t time (UTC, 20260131T235959.123Z)  %n number of the dump, from 1
 *	%r reason (signal, ctl, blocked, killed-9, ...)  %c the command's name  %% a percent sign
 */
#ifndef CMD_NAMING_H
#define CMD_NAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

enum { NAMING_DIR = 4096, NAMING_BASE = 256 };

struct naming {
	char dir[NAMING_DIR];	/* "." if the template has none */
	char base[NAMING_BASE]; /* template of the last part */
	bool unique;		/* it has %n or %t: no dump replaces another */
};

struct naming_fields {
	const char *command;
	int pid;
	uint64_t real_ns; /* CLOCK_REALTIME */
	uint64_t n;
	const char *reason;
};

extern const char naming_default[];

/*
 * Takes a template apart; NULL: naming_default in the working folder; a folder (or a trailing
 * slash): naming_default there. -EINVAL with a sentence that points at what is wrong.
 */
int naming_parse(const char *text, struct naming *ret, struct diag *d);

/*
 * The name of one dump, without the folder; characters that a file name should not have become '_'.
 */
void naming_make(const struct naming *n, const struct naming_fields *f,
		 char ret[static NAMING_BASE]);

#endif
