#include "image/site.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/num.h"

enum {
	SITE_PAGE = 4096, /* the smallest page: a nop5 inside one of these is inside any */
	CALL_LEN = 5,
	NOP5_FUNC_MAX = 64 * 1024, /* the largest holder, findRunnable, has 5 KiB */
	AFTER_CALL_INSNS = 16,	   /* how far behind `call newproc1` its result is looked for */
	AMD64_ARGS = 1 << INSN_AX | 1 << INSN_BX | 1 << INSN_CX | 1 << INSN_DI | 1 << INSN_SI |
		     0xf << 8, /* AX, BX, CX, DI, SI, R8-R11 (Go ABIInternal) */
	ARM64_ARGS = 0xffff,   /* R0-R15 */
};

const char *site_kind_name(enum site_kind kind)
{
	static const char *const names[] = {
		[SITE_NOP5] = "nop5",	      [SITE_PUSH] = "push", [SITE_CALL] = "call",
		[SITE_JMP] = "jmp",	      [SITE_JCC] = "jcc",   [SITE_NOP1] = "nop",
		[SITE_ARM_BRANCH] = "branch",
	};

	return (size_t)kind < ARRAY_LEN(names) ? names[kind] : "?";
}

void site_list_done(struct site_list *l)
{
	free(l->v);
	*l = (struct site_list){ 0 };
}

static bool is_arm64(const struct gopclntab *t)
{
	return t->elf->machine == EM_AARCH64;
}

int site_begin(const struct gopclntab *t, const struct pcln_func *f, struct insn_cur *ret)
{
	uint64_t len = f->end_va - f->entry_va;
	struct span s = elfimg_span(t->elf, f->entry_va, len);

	if (s.bad || !len || len > LIMIT_FUNC_BYTES)
		return -EBADMSG;
	insn_begin(ret, is_arm64(t), s.p, len, f->entry_va);
	return 0;
}

/* ---- one instruction as a site --------------------------------------------------------------- */

/* T2: the kind, or -1 for an instruction that is no site. */
static int kind_of(const struct gopclntab *t, const struct insn *i)
{
	if (i->prefixed)
		return -1;
	switch (i->op) {
	case INSN_PUSH:
		return SITE_PUSH;
	case INSN_CALL:
		return SITE_CALL;
	case INSN_JMP:
		return is_arm64(t) ? SITE_ARM_BRANCH : SITE_JMP;
	case INSN_JCC:
		return is_arm64(t) ? SITE_ARM_BRANCH : SITE_JCC;
	case INSN_NOP1:
		return SITE_NOP1;
	case INSN_NOP5:
		return i->va % SITE_PAGE <= SITE_PAGE - 5 ? SITE_NOP5 : -1; /* T3 */
	default:
		return -1;
	}
}

static int site_fill(const struct gopclntab *t, const struct pcln_func *f, const struct insn *i,
		     struct site *ret)
{
	struct site s = { .va = i->va, .len = i->len, .func = gopclntab_name(t, f->name_off) };
	int kind = kind_of(t, i);

	if (kind < 0 || i->len > sizeof(s.bytes) || elfimg_file_off(t->elf, i->va, &s.file_off))
		return -ENOTSUP;
	s.kind = (enum site_kind)kind;
	memcpy(s.bytes, i->bytes, i->len);
	*ret = s;
	return 0;
}

static int find(const struct gopclntab *t, const char *name, struct pcln_func *ret, struct diag *d)
{
	if (gopclntab_func_find(t, name, ret))
		return diag_set(d, -ENOENT, "%s: no such function", name);
	return 0;
}

/*
 * True if a jump in f may lead to [lo, hi]. Jump tables could lead anywhere and are not read: with
 * strict, an indirect jump counts.
 */
static bool jumps_into(const struct gopclntab *t, const struct pcln_func *f, uint64_t lo,
		       uint64_t hi, bool strict)
{
	struct insn_cur c;
	struct insn i;

	if (site_begin(t, f, &c))
		return true;
	while (insn_next(&c, &i) > 0) {
		if (strict && i.op == INSN_JMP_IND)
			return true;
		if ((i.op == INSN_JMP || i.op == INSN_JCC) && i.target >= lo && i.target <= hi)
			return true;
	}
	return false;
}

/* ---- the entry ------------------------------------------------------------------------------- */

/*
 * Walks the prologue: `push` is best; a jcc of the stack check is kept while the push behind it is
 * looked for; any other emulated instruction on the straight path ends the walk.
 */
static int entry_walk(const struct gopclntab *t, const struct pcln_func *f, struct site *ret)
{
	uint32_t args = is_arm64(t) ? ARM64_ARGS : AMD64_ARGS;
	bool check = false, have = false;
	struct insn_cur c;
	struct insn i;
	int32_t sp = 0;
	int err = site_begin(t, f, &c);

	if (err)
		return err;
	while (insn_next(&c, &i) > 0) {
		int kind = kind_of(t, &i);

		if (kind >= 0 && kind != SITE_NOP5 && !(have && kind != SITE_PUSH)) {
			if (site_fill(t, f, &i, ret))
				break;
			ret->sp_off = sp;
			have = true;
			if (i.op != INSN_JCC || !check || is_arm64(t))
				break;
		} else if (kind >= 0 && have && !(i.op == INSN_JCC && check)) {
			break; /* not every call comes here */
		}
		if ((i.written & args) || i.op == INSN_RET || i.op == INSN_JMP_IND ||
		    i.op == INSN_CALL_IND || i.op == INSN_CALL || i.op == INSN_JMP)
			break;
		sp -= i.sp_delta;
		check = i.stack_check;
	}
	/* A jump back to the entry itself is the one behind morestack. */
	return have && !jumps_into(t, f, f->entry_va + 1, ret->va, false) ? 0 : -ENOTSUP;
}

int site_entry(const struct gopclntab *t, const char *func, struct site *ret, struct diag *d)
{
	struct pcln_func f;
	struct site s;
	int err = find(t, func, &f, d);

	if (err)
		return err;
	err = entry_walk(t, &f, &s);
	if (err)
		return diag_set(d, -ENOTSUP, "%s: no emulated instruction at its entry", func);
	*ret = s;
	return 0;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static int list_add(struct site_list *l, const struct site *s)
{
	if (l->cnt >= LIMIT_SITES)
		return -E2BIG;
	if (!(l->cnt & (l->cnt - 1))) { /* grows at powers of two */
		struct site *v = reallocarray(l->v, l->cnt ? 2 * l->cnt : 1, sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
	}
	l->v[l->cnt++] = *s;
	return 0;
}

/* All calls of callee in f. Returns their number or an error. */
static int calls_in(const struct gopclntab *t, const struct pcln_func *f, uint64_t callee,
		    bool nop5, struct site_list *l)
{
	struct insn i, prev = { 0 };
	struct insn_cur c;
	/* Looking for jumps costs a walk of its own for each nop: not for giants. */
	bool small = f->end_va - f->entry_va <= NOP5_FUNC_MAX;
	int n = 0, err = site_begin(t, f, &c);

	if (err)
		return 0;
	for (; insn_next(&c, &i) > 0; prev = i) {
		struct site s;

		if (i.op != INSN_CALL || i.target != callee || site_fill(t, f, &i, &s))
			continue;
		if (nop5 && small && prev.op == INSN_NOP5 && !jumps_into(t, f, i.va, i.va, true))
			(void)site_fill(t, f, &prev, &s); /* crosses a page: the call it is */
		err = list_add(l, &s);
		if (err)
			return err;
		n++;
	}
	return n;
}

/* The next place at or behind *off in seg whose bytes are a call of callee; false: none. */
static bool scan_call(const struct elfimg_seg *seg, uint64_t callee, uint64_t *off)
{
	uint64_t at = *off;

	while (at < seg->len && seg->len - at >= CALL_LEN) {
		const uint8_t *p = memchr(seg->bytes + at, 0xe8, seg->len - at - CALL_LEN + 1);
		int32_t rel;

		if (!p)
			return false;
		at = (uint64_t)(p - seg->bytes);
		memcpy(&rel, p + 1, 4);
		if (seg->va + at + CALL_LEN + (uint64_t)(int64_t)rel == callee) {
			*off = at;
			return true;
		}
		at++;
	}
	return false;
}

static bool scan_bl(const struct elfimg_seg *seg, uint64_t callee, uint64_t *off)
{
	for (uint64_t at = *off + (-(seg->va + *off) & 3); at < seg->len && seg->len - at >= 4;
	     at += 4) {
		uint64_t want = ((callee - seg->va - at) >> 2) & 0x3ffffff;
		uint32_t w;

		memcpy(&w, seg->bytes + at, 4);
		if (w == (0x94000000 | (uint32_t)want)) {
			*off = at;
			return true;
		}
	}
	return false;
}

/*
 * Scans bytes first and decodes only functions that hold a match: a 100 MB text takes about as long
 * as reading it. The holder is decoded once for all its calls.
 */
static int calls_everywhere(const struct gopclntab *t, uint64_t callee, bool nop5,
			    struct site_list *l)
{
	int n = 0;

	for (size_t i = 0; i < t->elf->seg_cnt; i++) {
		const struct elfimg_seg *seg = &t->elf->segs[i];
		uint64_t off = 0;

		if (!seg->exec)
			continue;
		while (is_arm64(t) ? scan_bl(seg, callee, &off) : scan_call(seg, callee, &off)) {
			struct pcln_func f;
			int got;

			if (gopclntab_func_at(t, seg->va + off, &f)) {
				off++;
				continue;
			}
			got = calls_in(t, &f, callee, nop5, l);
			if (got < 0)
				return got;
			n += got;
			off = f.end_va - seg->va;
		}
	}
	return n;
}

int site_calls(const struct gopclntab *t, const char *callee, const char *in, bool nop5,
	       struct site_list *l, struct diag *d)
{
	struct pcln_func target, holder;
	int err = find(t, callee, &target, d);

	if (err)
		return err;
	if (in) {
		err = find(t, in, &holder, d);
		if (!err)
			err = calls_in(t, &holder, target.entry_va, nop5, l);
	} else {
		err = calls_everywhere(t, target.entry_va, nop5, l);
	}
	if (err == -E2BIG || err == -ENOMEM)
		diag_set(d, err, "%s: %s", callee, err == -E2BIG ? "too many calls" : "no memory");
	return err;
}

int site_last_call(const struct gopclntab *t, const char *func, const char *callee,
		   struct site *ret, struct diag *d)
{
	struct site_list l = { 0 };
	int n = site_calls(t, callee, func, false, &l, d);

	if (n > 0)
		*ret = l.v[l.cnt - 1];
	site_list_done(&l);
	if (n < 0)
		return n;
	return n ? 0 : diag_set(d, -ENOENT, "%s: no call of %s", func, callee);
}

/* ---- behind a call --------------------------------------------------------------------------- */

/*
 * Builds without optimisation keep the result on the stack: mov %rax,d(%rsp) (48 89 44 24 d) ...
 * mov d(%rsp),%rbx (48 8b 5c 24 d). *slot is d, 0 for none. True at the latter.
 */
static bool is_reload(const struct insn *i, bool in_ax, int64_t *slot)
{
	static const uint8_t store[] = { 0x48, 0x89, 0x44, 0x24 };
	static const uint8_t load[] = { 0x48, 0x8b, 0x5c, 0x24 };

	if (i->len == 5 && !memcmp(i->bytes, store, sizeof(store)) && in_ax)
		*slot = i->disp;
	else if (i->len == 5 && !memcmp(i->bytes, load, sizeof(load)) && *slot)
		return i->disp == *slot;
	else if (i->base == INSN_SP && i->disp == *slot)
		*slot = 0; /* someone else's now */
	return false;
}

/*
 * From the instruction behind the call on the straight path: the result is in AX (in R0 on arm64)
 * until it is moved to BX (R1); it must not be lost on the way.
 */
static int after_walk(const struct gopclntab *t, const struct pcln_func *f, struct insn_cur *c,
		      bool nop5, struct site *ret, bool *ret_in_rbx)
{
	unsigned second = is_arm64(t) ? 1 : INSN_BX;
	bool in_ax = true, in_bx = false;
	uint64_t behind = c->va;
	int64_t slot = 0;
	struct insn i;

	for (int n = 0; n < AFTER_CALL_INSNS && insn_next(c, &i) > 0; n++) {
		int kind = kind_of(t, &i);

		if (kind >= 0 && (kind != SITE_NOP5 || nop5) && (in_ax || in_bx)) {
			if (jumps_into(t, f, behind, i.va, true) || site_fill(t, f, &i, ret))
				break;
			*ret_in_rbx = in_bx;
			return 0;
		}
		if (i.op == INSN_RET || i.op == INSN_JMP_IND || i.op == INSN_CALL_IND)
			break;
		if (is_reload(&i, in_ax, &slot)) {
			in_bx = true;
			continue;
		}
		if (i.op == INSN_MOV && i.dst == second && i.src == INSN_AX && in_ax) {
			in_bx = true;
			continue;
		}
		if (i.written & (1u << INSN_AX))
			in_ax = false;
		if (i.written & (1u << second))
			in_bx = false;
	}
	return -ENOTSUP;
}

int site_after_call(const struct gopclntab *t, const char *func, const char *callee, bool nop5,
		    struct site *ret, bool *ret_in_rbx, struct diag *d)
{
	struct pcln_func f, target;
	struct insn_cur c;
	struct insn i;
	int err = find(t, func, &f, d);

	if (!err)
		err = find(t, callee, &target, d);
	if (err)
		return err;
	if (site_begin(t, &f, &c))
		return diag_set(d, -EBADMSG, "%s: its code is not in the file", func);
	while (insn_next(&c, &i) > 0) {
		if (i.op != INSN_CALL || i.target != target.entry_va)
			continue;
		if (!after_walk(t, &f, &c, nop5, ret, ret_in_rbx))
			return 0;
		return diag_set(d, -ENOTSUP, "%s: no emulated instruction behind the call of %s",
				func, callee);
	}
	return diag_set(d, -ENOENT, "%s: no call of %s", func, callee);
}

/* ---- schedule -------------------------------------------------------------------------------- */

int site_schedule_nop(const struct gopclntab *t, unsigned lockedm_off, struct site *ret,
		      struct diag *d)
{
	struct insn i, p1 = { 0 }, p2 = { 0 };
	unsigned hits = 0;
	struct pcln_func f;
	struct insn_cur c;
	struct site s;
	int err = find(t, "runtime.schedule", &f, d);

	if (err)
		return err;
	if (site_begin(t, &f, &c))
		return diag_set(d, -EBADMSG, "runtime.schedule: its code is not in the file");
	for (; insn_next(&c, &i) > 0; p2 = p1, p1 = i)
		if (i.op == INSN_JCC && p1.op == INSN_NOP5 && p2.op == INSN_CMP0 && !p2.rip &&
		    p2.base == INSN_AX && p2.mem_len == 8 && p2.disp == (int64_t)lockedm_off &&
		    !jumps_into(t, &f, i.va, i.va, true) && !site_fill(t, &f, &p1, &s))
			hits++;
	if (hits != 1)
		return diag_set(d, -ENOENT, "runtime.schedule: %u places test lockedm with a nop5",
				hits);
	*ret = s;
	return 0;
}

/* ---- system calls ---------------------------------------------------------------------------- */

int site_syscall(const struct gopclntab *t, const char *func, struct syscall_pcs *ret,
		 struct diag *d)
{
	struct syscall_pcs p = { 0 };
	struct pcln_func f, enter, raw;
	struct insn_cur c;
	struct insn i;
	int err = find(t, func, &f, d);

	if (!err)
		err = find(t, "runtime.entersyscall", &enter, d);
	if (!err)
		err = find(t, "syscall.RawSyscall6", &raw, d);
	if (err)
		return err;
	if (site_begin(t, &f, &c))
		return diag_set(d, -EBADMSG, "%s: its code is not in the file", func);
	while (!p.raw && insn_next(&c, &i) > 0) {
		bool leaves = i.op == INSN_JMP || i.op == INSN_JCC || i.op == INSN_JMP_IND ||
			      i.op == INSN_RET || i.op == INSN_CALL_IND;

		if (i.op == INSN_CALL && i.target == enter.entry_va && !p.enter)
			p.enter = i.va + i.len;
		else if (i.op == INSN_CALL && i.target == raw.entry_va && p.enter)
			p.raw = i.va + i.len;
		else if (p.enter && (leaves || i.op == INSN_CALL))
			break;
	}
	if (!p.raw || jumps_into(t, &f, p.enter, p.raw - 1, true))
		return diag_set(d, -ENOENT, "%s: not entersyscall, then RawSyscall6", func);
	*ret = p;
	return 0;
}
