/*
 * ctl.h - the socket by which a running recorder is spoken to.
 *
 *	client: one line	dump [last=NS] [file=PATH]  |  status  |  status json  |  stop
 *	server: "ok\n" or "error\n", then text, then the end
 *
 * C1  Only the recorder's own user and root are heard (folder 0700, socket 0600, SO_PEERCRED).
 * C2  One recorder for a process: whoever has the lock (flock: it goes with its holder).
 * C3  Nothing blocks the recorder: sockets are non-blocking, requests and clients are bounded, and
 *     one that does not take its answer loses it.
 */
#ifndef CMD_CTL_H
#define CMD_CTL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"

struct ctl;

enum {
	CTL_CLIENTS = 8,
	CTL_FDS = CTL_CLIENTS + 1,
	CTL_LINE = 4096 + 256,
	CTL_LATER = 1, /* of ctl_handler: *ret_id is the dump that will be the answer */
};

/*
 * Does what line says: 0 with the answer's text, CTL_LATER, or -errno with the text of the error.
 */
typedef int ctl_handler(void *ctx, const char *line, struct buf *ret_text, uint64_t *ret_id);

/* For the recorder of pid. -EBUSY: there is one, with its pid in the sentence. */
int ctl_open(int pid, struct ctl **ret, struct diag *d);
void ctl_close(struct ctl *c);

/* Descriptors to wait for; at most CTL_FDS. The count. */
size_t ctl_fds(const struct ctl *c, struct pollfd *ret);
/* Serves what the wait found. */
void ctl_serve(struct ctl *c, const struct pollfd *fds, size_t n, ctl_handler *handler, void *ctx);
/* Answers all who wait for dump id. */
void ctl_answer(struct ctl *c, uint64_t id, bool ok, const char *text);

#endif
