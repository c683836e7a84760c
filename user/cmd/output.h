/*
 * output.h - the file that a trace goes to: temporary beside its final name, then synced and renamed.
 *
 * O1  Nothing half-written ever stands under the final name.
 * O2  Mode 0600; owned by the user who called sudo (SUDO_UID, SUDO_GID), if there is one.
 * O3  "-" is stdout: bytes go out as they come, nothing is renamed.
 * O4  output_open_in works by the folder's descriptor: it does not matter what its path means later.
 */
#ifndef CMD_OUTPUT_H
#define CMD_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

struct output {
	int fd;		/* owned, but for stdout */
	int dirfd;	/* borrowed; AT_FDCWD: names are paths */
	bool is_stdout;
	char *path, *tmp; /* owned; in dirfd */
	uint64_t bytes;
};

/* Creates the temporary file (or takes stdout). 0, or an error with a sentence. */
int output_open(struct output *o, const char *path, struct diag *d);
/* The same for a name without slashes in an open folder. */
int output_open_in(struct output *o, int dirfd, const char *name, struct diag *d);
/* 0, or the error of writing with a sentence (-ENOSPC: disk full; -EPIPE). */
int output_write(struct output *o, const void *p, size_t len, struct diag *d);
/* Syncs, sets the owner and renames. 0 or an error. */
int output_commit(struct output *o, struct diag *d);
/* The same, but never over a file that is there: then -EEXIST, and a new name may be tried. */
int output_commit_as(struct output *o, const char *name, struct diag *d);
/* Removes the temporary file if it was not committed; closes. o becomes zero. */
void output_done(struct output *o);

#endif
