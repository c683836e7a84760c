/*
 * ctlpath.h - where the socket and the lock of a process's recorder are, for both sides.
 *
 *	/run/gotrace-bpf/PID.sock, PID.lock		root
 *	$XDG_RUNTIME_DIR/gotrace-bpf/...		anyone else
 *	/tmp/gotrace-bpf-UID/...			anyone else, without XDG_RUNTIME_DIR
 *
 * The folder belongs to the user alone (0700); one that does not is refused.
 */
#ifndef CMD_CTLPATH_H
#define CMD_CTLPATH_H

#include <stdbool.h>

#include "base/diag.h"

enum { CTL_PATH = 100 }; /* sun_path has 108 */

/* "sock" or "lock" for what. make: the folder is made. 0 or an error with a sentence. */
int ctlpath_get(int pid, const char *what, bool make, char ret[static CTL_PATH], struct diag *d);

#endif
