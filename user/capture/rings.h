/*
 * rings.h - the per-CPU rings, merged into one stream in true order of time, without a guess.
 *
 * N1  A record's time is taken after its room was claimed (record.h R3). So if head is read at a
 *     moment later than T, whatever is claimed past it has a time after T.
 * N2  A scan notes T, then reads every ring's head, then takes all committed records up to it. A
 *     ring taken to its head is complete up to T; one stopped at an uncommitted record stays
 *     complete up to the T of the last scan that reached its head (all claimed before that is
 *     taken; what was claimed later is later than that T).
 * N3  Records below the least of these bounds are complete over all rings: they are handed out in
 *     order of time, equal times by CPU. No window, no tolerance.
 * N4  Inside a ring times can be out of order by a preemption between claim and clock: each ring's
 *     waiting records are kept sorted.
 * N5  Records are borrowed from the ring until rings_release.
 *
 * One thread uses it. Knows the layout of a ring, nothing of BPF: tests drive it with memory.
 */
#ifndef CAPTURE_RINGS_H
#define CAPTURE_RINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "include/record.h"

struct rings;

struct rings_loss {
	uint64_t ts;   /* of the record before which they are missing */
	uint64_t cnt;
	uint32_t cpu;
};

/*
 * cnt rings; the i-th has its control part at ctl + i and its bytes at data + i * stride, of which
 * mask + 1 (a power of two) are the ring. All borrowed. NULL: no memory.
 */
struct rings *rings_new(struct ring_ctl *ctl, uint8_t *data, size_t stride, size_t mask,
			size_t cnt);
void rings_free(struct rings *r);

/*
 * Takes what is there. now_ns is CLOCK_MONOTONIC, read before the call. final: no program runs any
 * more, what is not committed never will be: it is skipped and counted as lost.
 * 0; -EBADMSG: a ring is damaged (our bug), -ENOMEM.
 */
int rings_scan(struct rings *r, uint64_t now_ns, bool final, struct diag *d);

/*
 * The next record below the bound, NULL if none is left. When records were lost in its ring just
 * before it, *ret_loss->cnt is their number (else 0).
 */
const struct rec *rings_next(struct rings *r, struct rings_loss *ret_loss);

/* Gives back the room of all that rings_next has handed out. */
void rings_release(struct rings *r);

/* Everything recorded so far counts as read: its control parts were set so. No program runs. */
void rings_skip(struct rings *r);

/* Bytes claimed and not yet given back, of the fullest ring. */
size_t rings_fill(const struct rings *r);

/* Sums over all rings. */
struct rings_sums {
	uint64_t lost, skipped, passed, traced, faults, bytes;
	uint64_t lost_by[HOOK_BPF_END];
};
void rings_sum(const struct rings *r, struct rings_sums *ret);

#endif
