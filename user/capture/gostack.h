/*
 * gostack.h - the frames of a goroutine that does not run, by frame pointers, from memory.
 *
 * F1  Where the chain starts (docs/go-runtime.md 8.1): sched.pc and sched.bp; in a syscall
 *     syscallpc and syscallbp, up to 1.22 the first saved rbp and return address above syscallsp.
 *     Preempted at a function's entry: the caller is in [sched.sp] (arm64: sched.lr).
 * F2  Every frame pointer: 8-aligned, stack.lo <= fp <= stack.hi - 16, strictly above the last;
 *     0 is the end, all else, an address outside of Go's code and a 129th frame are a cut.
 * F3  Across runtime.cgocallback the chain goes on behind what it saved (8.4).
 */
#ifndef CAPTURE_GOSTACK_H
#define CAPTURE_GOSTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/golive.h"
#include "include/record.h"

enum {
	GOSTACK_WINDOW = 4096,	/* bytes above sp worth reading at once: most stacks are shorter */
	GOSTACK_MORE = 16384,	/* a further read */
};

/* What stays the same from goroutine to goroutine; zeroed at first. */
struct gostack_memo {
	uint64_t pc;	    /* the last sched.pc that was judged, 0: none */
	bool behind_morestack;
	uint8_t more[GOSTACK_MORE];
};

struct gostack {
	uint64_t pcs[REC_MAX_PC];
	unsigned cnt;
	bool cut;	/* REC_F_CUT */
	bool entry;	/* REC_F_SCHED_PC: it never ran, pcs[0] is its function */
};

/* The bytes [*ret_addr, + result) of g's stack to read first; 0: none, it has no chain to walk. */
size_t gostack_window(const struct golive *v, const struct golive_g *g, uint64_t *ret_addr);

/*
 * Walks. win holds win_len bytes as read at win_addr (less than asked for is fine); what is
 * above them is read as needed.
 */
void gostack_walk(const struct golive *v, const struct golive_g *g, uint64_t win_addr,
		  const void *win, size_t win_len, struct gostack_memo *memo, struct gostack *ret);

#endif
