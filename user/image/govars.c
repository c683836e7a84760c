#include "image/govars.h"

#include <elf.h>
#include <errno.h>

#include "base/num.h"
#include "image/site.h"

enum {
	GOVARS_REFS = 512,	/* operands of one function that are looked at */
	GCCONTROLLER_MAX = 512, /* more than any version's gcControllerState */
};

/* A RIP-relative operand, in the order of the code. */
struct ref {
	enum insn_op op;
	uint8_t mem_len, dst;
	uint64_t va;
	uint64_t callee; /* an address in the first argument's register: of the call that gets it */
};

struct refs {
	struct ref v[GOVARS_REFS];
	size_t cnt;
};

const char *govars_name(enum image_var var)
{
	static const char *const names[VAR_CNT] = {
		[VAR_ALLGLEN] = "runtime.allglen",
		[VAR_ALLGPTR] = "runtime.allgptr",
		[VAR_ALLP] = "runtime.allp",
		[VAR_ALLM] = "runtime.allm",
		[VAR_SCHED] = "runtime.sched",
		[VAR_GOMAXPROCS] = "runtime.gomaxprocs",
		[VAR_GCCONTROLLER] = "runtime.gcController",
		[VAR_GCPHASE] = "runtime.gcphase",
		[VAR_TRACE_ENABLED] = "runtime.trace.enabled",
	};

	return (unsigned)var < VAR_CNT ? names[var] : "?";
}

static void refs_read(const struct gopclntab *t, const char *func, struct refs *ret)
{
	struct ref *arg = NULL;
	struct pcln_func f;
	struct insn_cur c;
	struct insn i;

	ret->cnt = 0;
	if (gopclntab_func_find(t, func, &f) || site_begin(t, &f, &c))
		return;
	while (ret->cnt < GOVARS_REFS && insn_next(&c, &i) > 0) {
		if (i.op == INSN_CALL && arg)
			arg->callee = i.target;
		if (i.op == INSN_CALL || i.op == INSN_CALL_IND || (i.written & (1u << INSN_AX)))
			arg = NULL;
		if (!i.rip || (i.op != INSN_LEA && i.op != INSN_LOAD && i.op != INSN_CMP0))
			continue;
		ret->v[ret->cnt] = (struct ref){ i.op, i.mem_len, i.dst, i.target, 0 };
		if (i.op == INSN_LEA && i.dst == INSN_AX)
			arg = &ret->v[ret->cnt];
		ret->cnt++;
	}
}

/* The n-th (from 0) operand of that kind and width, or 0. */
static uint64_t ref_nth(const struct refs *r, enum insn_op op, unsigned mem_len, unsigned n)
{
	for (size_t i = 0; i < r->cnt; i++)
		if (r->v[i].op == op && r->v[i].mem_len == mem_len && !n--)
			return r->v[i].va;
	return 0;
}

/* The address that the first call of callee gets as its first argument; *ret_i is its place. */
static uint64_t ref_arg0(const struct gopclntab *t, const struct refs *r, const char *callee,
			 size_t *ret_i)
{
	struct pcln_func f;

	if (gopclntab_func_find(t, callee, &f))
		return 0;
	for (size_t i = 0; i < r->cnt; i++) {
		if (r->v[i].callee != f.entry_va)
			continue;
		*ret_i = i;
		return r->v[i].va;
	}
	return 0;
}

/* The first operand of that kind and width behind place i, or 0. */
static uint64_t ref_behind(const struct refs *r, size_t i, enum insn_op op, unsigned mem_len)
{
	while (++i < r->cnt)
		if (r->v[i].op == op && r->v[i].mem_len == mem_len)
			return r->v[i].va;
	return 0;
}

/*
 * mcommoninit: allm is loaded once and its address is taken twice (publish, linkname), without
 * optimisation once, as of no other variable that is loaded there.
 */
static uint64_t allm_find(const struct refs *r)
{
	uint64_t once = 0;
	size_t cnt = 0;

	for (size_t i = 0; i < r->cnt; i++) {
		unsigned lea = 0;

		if (r->v[i].op != INSN_LOAD || r->v[i].mem_len != 8)
			continue;
		for (size_t j = 0; j < r->cnt; j++)
			lea += r->v[j].op == INSN_LEA && r->v[j].va == r->v[i].va;
		if (lea >= 2)
			return r->v[i].va;
		if (lea == 1 && r->v[i].va != once) {
			once = r->v[i].va;
			cnt++;
		}
	}
	return cnt == 1 ? once : 0;
}

/* checkdead: `for _, pp := range allp` loads pointer and length one after the other. */
static uint64_t allp_find(const struct refs *r)
{
	for (size_t i = 0; i < r->cnt; i++)
		if (r->v[i].op == INSN_LOAD && r->v[i].mem_len == 16) /* arm64: ldp */
			return r->v[i].va;
		else if (i + 1 < r->cnt && r->v[i].op == INSN_LOAD && r->v[i].mem_len == 8 &&
			 r->v[i + 1].op == INSN_LOAD && r->v[i + 1].mem_len == 8 &&
			 r->v[i + 1].va == r->v[i].va + 8)
			return r->v[i].va;
	return 0;
}

/* mcommoninit locks sched; lock is inlined but in builds without optimisation. */
static uint64_t sched_lock(const struct gopclntab *t, const struct refs *r)
{
	static const char *const locks[] = { "runtime.lock2", "runtime.lock",
					     "runtime.lockWithRank" };
	uint64_t va = 0;
	size_t at;

	for (size_t i = 0; i < ARRAY_LEN(locks) && !va; i++)
		va = ref_arg0(t, r, locks[i], &at);
	return va;
}

void govars_find(const struct gopclntab *t, unsigned minor, unsigned lock_off, uint64_t *ret_va)
{
	enum insn_op test = t->elf->machine == EM_X86_64 ? INSN_CMP0 : INSN_LOAD;
	uint64_t va[VAR_CNT] = { 0 };
	struct refs r;
	size_t at = 0;

	/* Inlined but in builds without optimisation. */
	refs_read(t, "runtime.atomicAllG", &r);
	if (!r.cnt)
		refs_read(t, "runtime.forEachGRace", &r);
	va[VAR_ALLGLEN] = ref_nth(&r, INSN_LOAD, 8, 0);
	va[VAR_ALLGPTR] = ref_nth(&r, INSN_LOAD, 8, 1);
	refs_read(t, "runtime.mcommoninit", &r);
	/* arm64 up to 1.20 takes other addresses in the same way: not told apart, so not found. */
	if (t->elf->machine == EM_X86_64 || minor >= 21)
		va[VAR_ALLM] = allm_find(&r);
	va[VAR_SCHED] = sched_lock(t, &r);
	if (lock_off == GOLAYOUT_NONE || va[VAR_SCHED] < lock_off)
		va[VAR_SCHED] = 0;
	else
		va[VAR_SCHED] -= lock_off;
	refs_read(t, "runtime.procresize", &r);
	va[VAR_GOMAXPROCS] = ref_nth(&r, INSN_LOAD, 4, 0);
	refs_read(t, "runtime.checkdead", &r);
	va[VAR_ALLP] = allp_find(&r);
	refs_read(t, "runtime.gcControllerCommit", &r);
	va[VAR_GCCONTROLLER] = ref_arg0(t, &r, "runtime.(*gcControllerState).commit", &at);
	if (va[VAR_GCCONTROLLER]) {
		/* amd64 compares in memory, arm64 loads first. */
		va[VAR_GCPHASE] = ref_behind(&r, at, test, 4);
		/* 1.22 has no flag: tracing is on while trace.gen is not 0. */
		va[VAR_TRACE_ENABLED] = minor == 22 ? ref_behind(&r, at, INSN_LOAD, 8)
						    : ref_behind(&r, at, test, 1);
	}
	/* Where the test for tracing is not inlined, the next load is of gcController itself. */
	if (va[VAR_TRACE_ENABLED] - va[VAR_GCCONTROLLER] < GCCONTROLLER_MAX)
		va[VAR_TRACE_ENABLED] = 0;
	for (int i = 0; i < VAR_CNT; i++)
		ret_va[i] = va[i];
}

/*
 * runtime.mcall stores g0 into the thread's slot: mov %r14,%fs:disp32 (64 4c 89 34 25 disp), in a
 * PIE mov $disp,%rcx (48 c7 c1 imm32) and mov %r14,%fs:(%rcx) (64 4c 89 31).
 */
int govars_tls_g(const struct gopclntab *t, int64_t *ret_off)
{
	static const uint8_t direct[] = { 0x64, 0x4c, 0x89, 0x34, 0x25 };
	static const uint8_t load[] = { 0x48, 0xc7, 0xc1 }, store[] = { 0x64, 0x4c, 0x89, 0x31 };
	struct insn_cur c;
	struct pcln_func f;
	int64_t imm = 0;
	struct insn i;
	int32_t v;

	if (t->elf->machine != EM_X86_64 || gopclntab_func_find(t, "runtime.mcall", &f) ||
	    site_begin(t, &f, &c))
		return -ENOENT;
	while (insn_next(&c, &i) > 0) {
		if (i.len == 7 && !memcmp(i.bytes, load, sizeof(load))) {
			memcpy(&v, i.bytes + 3, 4);
			imm = v;
		} else if (i.len == 9 && !memcmp(i.bytes, direct, sizeof(direct))) {
			memcpy(&v, i.bytes + 5, 4);
			*ret_off = v;
			return 0;
		} else if (i.len == 4 && !memcmp(i.bytes, store, sizeof(store)) && imm) {
			*ret_off = imm;
			return 0;
		}
	}
	return -ENOENT;
}
