#include "capture/gostack.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"

enum {
	SYSCALL_SCAN =
		64, /* words above syscallsp that can hold the first frame; Syscall6's is less */
	CALL_LEN = 5,	  /* call rel32 */
};

/* One walk: the goroutine, what of its stack is at hand, and what came out. */
struct walk {
	const struct golive *v;
	const struct golive_g *g;
	struct gostack_memo *memo;
	uint64_t addr; /* of win */
	const uint8_t *win;
	size_t len;
	struct gostack *to;
};

static bool gostack_in_bounds(const struct golive_g *g, uint64_t fp)
{
	return fp % 8 == 0 && g->stack_hi >= 16 && fp >= g->stack_lo && fp <= g->stack_hi - 16;
}

/* Where the walk starts to read; 0: nowhere. */
static uint64_t gostack_sp(const struct golive_g *g)
{
	uint64_t sp = g->status == GST_SYSCALL ? g->syscallsp : g->sp;

	switch (g->status) {
	case GST_RUNNABLE:
	case GST_SYSCALL:
	case GST_WAITING:
	case GST_PREEMPTED:
	case GST_LEAKED:
		return g->stack_lo && gostack_in_bounds(g, sp) ? sp : 0;
	default:
		return 0;
	}
}

static bool gostack_never_ran(const struct golive_g *g)
{
	return g->status == GST_RUNNABLE && g->pc && g->pc == g->startpc;
}

size_t gostack_window(const struct golive *v, const struct golive_g *g, uint64_t *ret_addr)
{
	uint64_t sp = gostack_sp(g);

	(void)v;
	if (!sp || gostack_never_ran(g))
		return 0;
	*ret_addr = sp;
	return num_min(g->stack_hi - sp, GOSTACK_WINDOW);
}

/* The word at addr of the stack, which is within bounds; addresses asked for rise. */
static bool gostack_word(struct walk *w, uint64_t addr, uint64_t *ret)
{
	uint64_t off = addr - w->addr;

	if (addr < w->g->stack_lo || addr > w->g->stack_hi - 8)
		return false;
	if (addr < w->addr || off > w->len || w->len - off < 8) {
		size_t n = num_min(w->g->stack_hi - addr, GOSTACK_MORE);
		ssize_t got = mem_read_some(w->v->mem, addr, w->memo->more, n);

		if (got < 8)
			return false;
		w->addr = addr;
		w->win = w->memo->more;
		w->len = (size_t)got;
		off = 0;
	}
	memcpy(ret, w->win + off, 8);
	return true;
}

static bool gostack_push(struct walk *w, uint64_t pc)
{
	struct gostack *s = w->to;

	if (s->cnt == REC_MAX_PC || !golive_in_text(w->v, pc)) {
		s->cut = true;
		return false;
	}
	s->pcs[s->cnt++] = pc;
	return true;
}

/*
 * F3: the pc that cgocallback's caller continues at stands above its return address: in
 * systemstack_switch, called by cgocall, or in goexit on a thread that C made, which is the end.
 */
static bool gostack_callback(struct walk *w, uint64_t slot, uint64_t *ret_fp)
{
	const struct golive *v = w->v;
	uint64_t pc;

	if (!gostack_word(w, slot + CALLBACK_PC, &pc)) {
		w->to->cut = true;
		return false;
	}
	if (pc >= v->goexit && pc < v->egoexit) {
		*ret_fp = 0;
		return gostack_push(w, pc);
	}
	if (v->minor < CALLBACK_MINOR) {
		w->to->cut = true;
		return false;
	}
	*ret_fp = slot + CALLBACK_FP;
	return gostack_push(w, pc);
}

/* F2 */
static void gostack_chain(struct walk *w, uint64_t fp)
{
	uint64_t last = 0;

	while (fp) {
		uint64_t next, pc;

		if (!gostack_in_bounds(w->g, fp) || fp <= last || !gostack_word(w, fp, &next) ||
		    !gostack_word(w, fp + 8, &pc)) {
			w->to->cut = true;
			return;
		}
		if (!gostack_push(w, pc))
			return;
		if (pc >= w->v->callback && pc < w->v->ecallback &&
		    !gostack_callback(w, fp + 8, &next))
			return;
		last = fp;
		fp = next;
	}
}

/* The entry that `call rel32` before the return address pc leads to; 0: no such call. */
static uint64_t gostack_callee(const struct golive *v, uint64_t pc)
{
	uint8_t code[CALL_LEN];
	int32_t rel;

	if (v->arch != IMAGE_AMD64 || mem_read(v->mem, pc - CALL_LEN, code, sizeof(code)) != 0 ||
	    code[0] != 0xe8)
		return 0;
	memcpy(&rel, code + 1, sizeof(rel));
	return pc + (uint64_t)(int64_t)rel;
}

/*
 * True if pc is the return address of a call to morestack: the goroutine was preempted at a
 * function's entry, before it had a frame. The answer is remembered: goroutines come in herds.
 */
static bool gostack_behind_morestack(const struct golive *v, uint64_t pc, struct gostack_memo *memo)
{
	uint64_t to;

	if (memo->pc == pc)
		return memo->behind_morestack;
	to = gostack_callee(v, pc);
	memo->pc = pc;
	memo->behind_morestack = to && (to == v->morestack[0] || to == v->morestack[1]);
	return memo->behind_morestack;
}

static void gostack_from_gobuf(struct walk *w)
{
	const struct golive_g *g = w->g;
	uint64_t caller;

	if (gostack_never_ran(g)) {
		w->to->entry = gostack_push(w, g->pc);
		return;
	}
	if (!gostack_sp(g)) {
		w->to->cut = true;
		return;
	}
	if (!gostack_push(w, g->pc))
		return;
	if (g->lr) { /* arm64 only: mcall leaves 0 there */
		if (!gostack_push(w, g->lr))
			return;
	} else if (g->status != GST_WAITING && !g->async_safe &&
		   gostack_behind_morestack(w->v, g->pc, w->memo)) {
		if (!gostack_word(w, g->sp, &caller) || !gostack_push(w, caller)) {
			w->to->cut = true;
			return;
		}
	}
	gostack_chain(w, g->bp);
}

/* How good a place for the first frame addr is: 0 none, 1 looks like one, 2 its chain is whole. */
static unsigned gostack_try_frame(const struct walk *w, uint64_t addr)
{
	struct walk scan = *w;
	struct gostack *k = scan.to;
	unsigned cnt = k->cnt;
	bool whole;

	gostack_chain(&scan, addr);
	whole = !k->cut;
	k->cnt = cnt;
	k->cut = false;
	return whole ? 2 : 1;
}

/*
 * Up to 1.22 nothing keeps the frame pointer of the function that made the syscall: look for its
 * frame. Words left behind by earlier calls look like frames too, so the return address should be
 * that of a call of this very function; where calls are indirect, a chain to the stack's end will
 * do.
 */
static uint64_t gostack_find_frame(struct walk *w)
{
	uint64_t best = 0, entry = 0;
	unsigned best_rank = 0;
	struct image_func f;

	if (w->v->img && image_func_at(w->v->img, w->g->syscallpc - 1 - w->v->bias, &f) == 0)
		entry = f.entry_va + w->v->bias;
	for (unsigned i = 0; i < SYSCALL_SCAN; i++) {
		uint64_t addr = w->g->syscallsp + i * 8, fp, pc;
		struct walk scan = *w; /* its reads may move the window up */
		unsigned rank;

		if (!gostack_in_bounds(w->g, addr) || !gostack_word(&scan, addr, &fp) ||
		    !gostack_word(&scan, addr + 8, &pc))
			break;
		if ((fp && (!gostack_in_bounds(w->g, fp) || fp < addr + 16)) ||
		    !golive_in_text(w->v, pc))
			continue;
		if (entry && gostack_callee(w->v, pc) == entry)
			return addr;
		rank = gostack_try_frame(w, addr);
		if (rank > best_rank) {
			best_rank = rank;
			best = addr;
		}
	}
	return best;
}

static void gostack_from_syscall(struct walk *w)
{
	const struct golive_g *g = w->g;
	uint64_t fp = g->syscallbp;

	if (!gostack_sp(g)) {
		w->to->cut = true;
		return;
	}
	if (!gostack_push(w, g->syscallpc))
		return;
	if (w->v->lay->g_syscallbp == GOLAYOUT_NONE) {
		fp = gostack_find_frame(w);
		w->to->cut |= !fp;
	}
	gostack_chain(w, fp);
}

void gostack_walk(const struct golive *v, const struct golive_g *g, uint64_t win_addr,
		  const void *win, size_t win_len, struct gostack_memo *memo, struct gostack *ret)
{
	struct walk w = { .v = v,
			  .g = g,
			  .memo = memo,
			  .addr = win_addr,
			  .win = win,
			  .len = win_len,
			  .to = ret };

	ret->cnt = 0;
	ret->cut = ret->entry = false;
	if (g->status == GST_SYSCALL)
		gostack_from_syscall(&w);
	else if (gostack_sp(g) || gostack_never_ran(g))
		gostack_from_gobuf(&w);
}
