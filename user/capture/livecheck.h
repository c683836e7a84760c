/*
 * livecheck.h - does a layout hold in the live process? Asked before anything is armed.
 *
 * K1  Only reads; a failing object is read again some times, since the process runs meanwhile: an
 *     invariant fails when no try satisfied it.
 * K2  The first failing invariant ends the check, named with the object and what was found there.
 * K3  Too few objects to judge by is a failure too.
 *
 * The invariants are those of docs/go-runtime.md 2.4, points 1 to 6.
 */
#ifndef CAPTURE_LIVECHECK_H
#define CAPTURE_LIVECHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "capture/golive.h"

struct target;

enum { LIVECHECK_SAMPLE = 4096 }; /* goroutine structures looked at, spread over all */

struct livecheck {
	uint32_t ps, ps_held;	   /* Ps; of them with an M that points back */
	uint32_t ms;		   /* Ms whose g0 and thread were confirmed */
	uint64_t structs;	   /* goroutine structures of the process */
	uint32_t gs, dead;	   /* looked at: existing and not */
	uint32_t running, waiting; /* of gs: status 2, 3 and their M; 4 and their gobuf */
	uint32_t retries;
	bool main_seen;		   /* goroutine 1, begun by runtime.main */
};

/*
 * Checks v's layout. t is borrowed, for its threads; NULL: thread ids are not judged (tests). *ret
 * is filled as far as it went, also on failure. 0; -EBADMSG with a sentence (K2, K3); -ESRCH the
 * process is gone; -ENOMEM.
 */
int livecheck_run(const struct golive *v, const struct target *t, struct livecheck *ret,
		  struct diag *d);

#endif
