/*
 * calib.h - what a hit costs, measured with the real programs on places of our own.
 *
 * The programs that will watch the target run first in this thread, at instructions of this program
 * (one of each kind), with registers that point to a goroutine, an M and a P laid out as the
 * target's version has them. So the same reads succeed, the same stack of FRAMES frames is walked,
 * the same record goes into the rings; then the rings are emptied and the target is named.
 *
 * K1  Nothing of the target is touched or slowed: its probes come later. The kernel's syscall
 *     tracepoints, if they are used, are attached already, as they make patched nops dearer.
 * K2  The quickest of some rounds counts, the others were disturbed; for a cold hit, one before which
 *     the core's own caches were filled with something else, the middle one.
 */
#ifndef CAPTURE_CALIB_H
#define CAPTURE_CALIB_H

#include "capture/attach.h"
#include "capture/plan.h"
#include "capture/price.h"
#include "image/golayout.h"

struct calib {
	struct attach *attach;
	const struct plan *plan;
	const struct golayout *layout;
	bool tracepoints;
	bool pidns; /* the programs ask for numbers in a pid namespace */
	int64_t tls_g;
	struct syscall_pcs sys; /* of syscall.Syscall or Syscall6 in the target; 0, 0: not known */
};

/*
 * Before attach_link. 0: *p is measured; -ENOTSUP: not on this machine, and *p is as it was.
 * Whatever comes, what was recorded is forgotten, nothing is armed, and nobody is named.
 */
int calib_run(const struct calib *c, struct price *p);

#endif
