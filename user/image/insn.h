/*
 * insn.h - decodes machine code of amd64 (by Zydis) and arm64 (fixed width) as far as probe sites
 * and the search for variables need it.
 *
 * N1  insn_next never reads outside of the given bytes.
 * N2  Only exact encodings get a name that makes them a probe site (INSN_PUSH ... INSN_NOP5):
 *     what Linux emulates without a single step. A prefixed form (66 e8, f2 e9, 66 90) is
 *     INSN_OTHER or has no such name, because kernels step those.
 *
 * Source: Linux arch/x86/kernel/uprobes.c (branch_setup_xol_ops, push_setup_xol_ops: push r64, call
 * and jmp rel, jcc, one-byte nop), arch/arm64/kernel/probes/decode-insn.c (branches, nop).
 */
#ifndef IMAGE_INSN_H
#define IMAGE_INSN_H

#include <Zydis/Zydis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum insn_op {
	INSN_OTHER,
	INSN_PUSH, /* push r64: 50..57, 41 50..57 */
	INSN_CALL, /* e8 rel32; bl */
	INSN_JMP,  /* eb, e9; b */
	INSN_JCC,  /* 70..7f, 0f 80..8f; b.cond, cbz, cbnz, tbz, tbnz */
	INSN_NOP1, /* 90; the arm64 nop */
	INSN_NOP5, /* 0f 1f 44 00 00 */
	INSN_JMP_IND,
	INSN_CALL_IND,
	INSN_RET,
	INSN_LEA,  /* of a RIP-relative address: target; arm64: add behind adrp */
	INSN_LOAD, /* mov reg, [rip + disp]: target, mem_len; arm64: from a known address */
	INSN_CMP0, /* cmp [mem], 0: target if rip, else base and disp; mem_len */
	INSN_MOV,  /* mov reg, reg: dst, src */
};

enum insn_reg {
	INSN_AX,
	INSN_CX,
	INSN_DX,
	INSN_BX,
	INSN_SP,
	INSN_BP,
	INSN_SI,
	INSN_DI,
	INSN_R12 = 12,
	INSN_R14 = 14,
	INSN_NOREG = 31
};

struct insn {
	uint64_t va;
	const uint8_t *bytes; /* borrowed */
	uint8_t len;
	enum insn_op op;
	uint64_t target;  /* branch target or RIP-relative address */
	bool rip;	  /* target is the address of a memory operand */
	bool prefixed;	  /* a branch, but not in a form that kernels emulate (N2) */
	uint8_t mem_len;  /* bytes */
	uint8_t base;	  /* enum insn_reg of a memory operand without rip */
	uint8_t dst, src; /* INSN_MOV, INSN_LOAD, INSN_LEA: dst; arm64: the same numbers */
	int64_t disp;	  /* of a memory operand without rip */
	uint32_t written; /* bit n: general register n is written */
	int32_t sp_delta; /* push, and sub/add of a constant to the stack pointer */
	bool stack_check; /* compares with or computes for the stack guard of g */
};

struct insn_cur {
	ZydisDecoder dec;
	bool arm64;
	const uint8_t *p; /* borrowed */
	uint64_t va, left;
	uint32_t known; /* arm64: bit n: register n holds addr[n], an address of data */
	uint64_t addr[32];
};

/* Decodes len borrowed bytes that lie at va. */
void insn_begin(struct insn_cur *c, bool arm64, const uint8_t *p, uint64_t len, uint64_t va);

/*
 * The next instruction: 1; 0 at the end; -EBADMSG it cannot be decoded (padding behind a ret...).
 */
int insn_next(struct insn_cur *c, struct insn *ret);

#endif
