/*
 * golive.h - the runtime's data of a running Go process: where it is there, and g, m and p as read.
 *
 * L1  Addresses here are the process's (link-time address + load bias), pcs too.
 * L2  A layout's offset that a version lacks reads as 0; an offset outside of what was read too.
 * L3  Words are read whole, objects are not: what belongs together is judged by reading twice.
 *
 * Source: Go runtime/runtime2.go, runtime/proc.go of 1.19 to 1.27; docs/go-runtime.md 1.3, 2, 7.
 */
#ifndef CAPTURE_GOLIVE_H
#define CAPTURE_GOLIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "image/image.h"
#include "include/record.h"
#include "proc/mem.h"

enum { GOLIVE_G_BYTES = 1024, GOLIVE_M_BYTES = 1024, GOLIVE_P_BYTES = 256 }; /* caps of a read */

struct golive {
	const struct mem *mem;	    /* borrowed */
	const struct image *img;    /* borrowed; NULL in tests: nothing is asked of it */
	const struct golayout *lay; /* borrowed */
	enum image_arch arch;
	unsigned minor; /* 1.minor */
	uint64_t bias;
	uint64_t text, etext;	      /* Go's code */
	uint64_t main_pc;	      /* runtime.main's entry; 0: unknown */
	uint64_t callback, ecallback; /* runtime.cgocallback; 0: none */
	uint64_t goexit, egoexit;     /* runtime.goexit */
	uint64_t morestack[2]; /* entries of runtime.morestack and morestack_noctxt; 0: unknown */
	uint64_t allglen, allgptr, allp, gomaxprocs; /* addresses of the variables */
	uint64_t allm, gccontroller, gcphase;	     /* the same; 0: not found, done without */
	uint16_t g_len, m_len, p_len; /* leading bytes of an object that hold what is read here */
};

/*
 * Finds the variables. img, mem and lay are borrowed for the life of ret; lay NULL: the image's
 * own. -ENOTSUP no layout, -ENOENT a variable without which nothing goes is not found (d says).
 */
int golive_init(struct golive *ret, const struct mem *mem, const struct image *img,
		const struct golayout *lay, uint64_t bias, struct diag *d);

/* Derives g_len, m_len and p_len from lay. -ENOTSUP: a field lies outside of the caps. */
int golive_set_lengths(struct golive *v);

struct golive_g {
	uint64_t stack_lo, stack_hi, m;
	uint64_t sp, pc, bp, sched_g, lr; /* sched */
	uint64_t syscallsp, syscallpc, syscallbp;
	uint64_t goid, lockedm, parent, gopc, startpc;
	uint32_t status; /* GST_*, without GST_SCAN */
	uint8_t waitreason;
	bool async_safe, sync_safe, assist, coroexit;
};

struct golive_m {
	uint64_t g0, procid, curg, p, oldp;
	bool isextra;
};

struct golive_p {
	uint32_t id, status;
	uint64_t m;
};

/* Decodes the leading len bytes of an object. */
void golive_g_decode(const struct golive *v, const void *buf, size_t len, struct golive_g *ret);
void golive_m_decode(const struct golive *v, const void *buf, size_t len, struct golive_m *ret);
void golive_p_decode(const struct golive *v, const void *buf, size_t len, struct golive_p *ret);

/* Reads one object. 0; -EFAULT not readable; -ESRCH the process is gone. */
int golive_g_read(const struct golive *v, uint64_t addr, struct golive_g *ret);
int golive_m_read(const struct golive *v, uint64_t addr, struct golive_m *ret);
int golive_p_read(const struct golive *v, uint64_t addr, struct golive_p *ret);

/*
 * Pointers [first, first + cnt) of the array whose address stands at var (allgptr, or allp's first
 * word). The array may be replaced by a larger one at any time and its memory used again: the read
 * is repeated until the address is the same before and after. 0; -EFAULT; -EBUSY always moving.
 */
int golive_ptrs(const struct golive *v, uint64_t var, uint64_t first, uint64_t *ret, size_t cnt);

/*
 * The number of goroutine structures and of Ps. -EFAULT, or -EBADMSG with a sentence when the
 * number is none that a process can have (LIMIT_GS, LIMIT_PS).
 */
int golive_g_cnt(const struct golive *v, uint64_t *ret, struct diag *d);
int golive_p_cnt(const struct golive *v, uint64_t *ret, struct diag *d);

static inline bool golive_in_text(const struct golive *v, uint64_t pc)
{
	return pc >= v->text && pc < v->etext;
}

/* A goroutine that exists: neither free, nor being made, nor the spare one of an extra M. */
static inline bool golive_g_exists(const struct golive_g *g)
{
	switch (g->status) {
	case GST_RUNNABLE:
	case GST_RUNNING:
	case GST_SYSCALL:
	case GST_WAITING:
	case GST_COPYSTACK:
	case GST_PREEMPTED:
	case GST_LEAKED:
		return g->goid != 0;
	default:
		return false;
	}
}

#endif
