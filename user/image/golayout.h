/*
 * golayout.h - where the fields of g, m, p and friends lie, per Go version and architecture.
 *
 * The rows are generated from DWARF of binaries built by real toolchains (tools/gen-layouts); the
 * key is the full patch version, since m moved inside 1.23 and 1.24 (docs/go-runtime.md 2).
 */
#ifndef IMAGE_GOLAYOUT_H
#define IMAGE_GOLAYOUT_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

/* A field this version does not have. Offset 0 is lawful (g.stack.lo). */
enum { GOLAYOUT_NONE = 0xffff };

/* clang-format off */
#define GOLAYOUT_FIELDS(F)                                                                         \
	F(g, stack_lo) F(g, stack_hi) F(g, m) F(g, sched_sp) F(g, sched_pc) F(g, sched_bp)         \
	F(g, sched_g) F(g, sched_lr) F(g, syscallsp) F(g, syscallpc) F(g, syscallbp)               \
	F(g, atomicstatus) F(g, goid) F(g, schedlink) F(g, waitsince) F(g, waitreason)             \
	F(g, asyncSafePoint) F(g, syncSafePoint) F(g, inMarkAssist) F(g, coroexit) F(g, lockedm)   \
	F(g, parentGoid) F(g, gopc) F(g, startpc) F(g, coroarg) F(g, size)                         \
	F(m, g0) F(m, procid) F(m, gsignal) F(m, curg) F(m, p) F(m, nextp) F(m, oldp) F(m, id)     \
	F(m, preemptoff) F(m, locks) F(m, incgo) F(m, isextra) F(m, ncgo) F(m, alllink)            \
	F(m, lockedg) F(m, waitTraceSkip) F(m, waitTraceBlockReason) F(m, syscalltick) F(m, size)  \
	F(p, id) F(p, status) F(p, schedtick) F(p, syscalltick) F(p, m) F(p, goidcache)            \
	F(p, runqhead) F(p, runnext) F(p, gcMarkWorkerMode) F(p, size)                             \
	F(sched, lock) F(sched, gcwaiting) F(sched, stopwait)                                      \
	F(gcc, gcPercent) F(gcc, memoryLimit) F(gcc, gcPercentHeapGoal) F(gcc, sweepHeapLiveBasis) \
	F(gcc, triggered) F(gcc, heapLive) F(gcc, heapMarked)                                      \
	F(coro, gp)
/* clang-format on */

struct golayout {
	unsigned minor, patch_first, patch_last; /* this row holds for 1.minor.[first, last] */
#define GOLAYOUT_MEMBER(s, f) uint16_t s##_##f;
	GOLAYOUT_FIELDS(GOLAYOUT_MEMBER)
#undef GOLAYOUT_MEMBER
};

/*
 * The row of 1.minor.patch for an architecture (enum image_arch); NULL if the tables have none.
 * A patch newer than the last one measured of a known minor: NULL too (a layout is never guessed;
 * the caller may take the last row as a candidate and confirm it against the live process).
 */
const struct golayout *golayout_find(unsigned arch, unsigned minor, unsigned patch);

/* The newest row of a minor, a candidate for its later patches; NULL if there is none. */
const struct golayout *golayout_newest(unsigned arch, unsigned minor);

/*
 * The row to be confirmed against the live process where the tables have none for sure (a patch newer
 * than the tables, words behind the version): the patch's own row, else the minor's newest for a
 * newer patch. NULL if there is none.
 */
const struct golayout *golayout_candidate(unsigned arch, unsigned minor, unsigned patch);

enum { GOLAYOUT_EXPERIMENT = 32 };

/*
 * A version's text names the experiments that are not its default: "go1.24.13 X:nospinbitmutex". Those
 * that move fields which the live process cannot confirm before the recording, and those that no Go
 * up to 1.27 has: true with the first one's name. docs/go-runtime.md 2.1.
 */
bool golayout_experiment(const char *version, char ret_name[GOLAYOUT_EXPERIMENT]);

#endif
