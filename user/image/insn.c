#include "image/insn.h"

#include <errno.h>
#include <string.h>

enum {
	GUARD_FIRST = 0x10, /* g.stackguard0, stackguard1: the same in all versions */
	GUARD_LAST = 0x18,
};

void insn_begin(struct insn_cur *c, bool arm64, const uint8_t *p, uint64_t len, uint64_t va)
{
	*c = (struct insn_cur){ .arm64 = arm64, .p = p, .left = len, .va = va };
	if (!arm64)
		ZydisDecoderInit(&c->dec, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

/* ---- amd64 ----------------------------------------------------------------------------------- */

/* Number of a general register of any width, else INSN_NOREG. */
static uint8_t reg_id(ZydisRegister reg)
{
	ZydisRegister full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

	if (full < ZYDIS_REGISTER_RAX || full > ZYDIS_REGISTER_R15)
		return INSN_NOREG;
	return (uint8_t)(full - ZYDIS_REGISTER_RAX);
}

/* N2: by bytes, not by meaning. */
static enum insn_op op_by_bytes(const uint8_t *p, uint8_t len)
{
	static const uint8_t nop5[5] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

	if (len == 1 && p[0] == 0x90)
		return INSN_NOP1;
	if ((len == 1 && (p[0] & 0xf8) == 0x50) ||
	    (len == 2 && p[0] == 0x41 && (p[1] & 0xf8) == 0x50))
		return INSN_PUSH;
	if (len == 5 && p[0] == 0xe8)
		return INSN_CALL;
	if ((len == 5 && p[0] == 0xe9) || (len == 2 && p[0] == 0xeb))
		return INSN_JMP;
	if ((len == 2 && (p[0] & 0xf0) == 0x70) ||
	    (len == 6 && p[0] == 0x0f && (p[1] & 0xf0) == 0x80))
		return INSN_JCC;
	if (len == 5 && !memcmp(p, nop5, 5))
		return INSN_NOP5;
	return INSN_OTHER;
}

static void amd64_memory(struct insn *i, const ZydisDecodedInstruction *zi,
			 const ZydisDecodedOperand *op)
{
	ZyanU64 abs;

	i->mem_len = (uint8_t)(op->size / 8);
	i->base = reg_id(op->mem.base);
	i->disp = op->mem.disp.value;
	if (op->mem.base == ZYDIS_REGISTER_RIP &&
	    ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(zi, op, i->va, &abs))) {
		i->rip = true;
		i->target = abs;
	}
}

static bool is_mem(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_MEMORY;
}

static bool is_reg(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER;
}

static bool is_imm(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
}

/* Branches that op_by_bytes did not take still have targets and ends. */
static void amd64_branch(struct insn *i, const ZydisDecodedInstruction *zi,
			 const ZydisDecodedOperand *ops)
{
	bool rel = is_imm(&ops[0]) && ops[0].imm.is_relative;
	ZyanU64 abs;

	switch (zi->meta.category) {
	case ZYDIS_CATEGORY_CALL:
		i->prefixed = i->op != INSN_CALL && rel;
		i->op = rel ? INSN_CALL : INSN_CALL_IND;
		break;
	case ZYDIS_CATEGORY_UNCOND_BR:
		i->prefixed = i->op != INSN_JMP && rel;
		i->op = rel ? INSN_JMP : INSN_JMP_IND;
		break;
	case ZYDIS_CATEGORY_COND_BR:
		i->prefixed = i->op != INSN_JCC;
		i->op = INSN_JCC;
		break;
	case ZYDIS_CATEGORY_RET:
		i->op = INSN_RET;
		return;
	default:
		return;
	}
	if (rel && ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(zi, &ops[0], i->va, &abs)))
		i->target = abs;
}

/* Moves, compares and the arithmetic of prologues. */
static void amd64_data(struct insn *i, const ZydisDecodedInstruction *zi,
		       const ZydisDecodedOperand *ops)
{
	uint8_t first = is_reg(&ops[0]) ? reg_id(ops[0].reg.value) : INSN_NOREG;

	switch (zi->mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		i->dst = first;
		if (is_reg(&ops[0]) && is_reg(&ops[1])) {
			i->src = reg_id(ops[1].reg.value);
			i->op = INSN_MOV;
		} else if (is_reg(&ops[0]) && i->rip) {
			i->op = INSN_LOAD;
		}
		break;
	case ZYDIS_MNEMONIC_LEA:
		i->dst = first;
		if (i->rip)
			i->op = INSN_LEA;
		i->stack_check = first == INSN_R12 && i->base == INSN_SP;
		break;
	case ZYDIS_MNEMONIC_CMP:
		if (is_mem(&ops[0]) && is_imm(&ops[1]) && !ops[1].imm.value.u)
			i->op = INSN_CMP0;
		i->stack_check =
			i->base == INSN_R14 && i->disp >= GUARD_FIRST && i->disp <= GUARD_LAST;
		break;
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_ADD:
		if (!is_imm(&ops[1]))
			break;
		i->stack_check = first == INSN_R12;
		if (first == INSN_SP)
			i->sp_delta =
				(int32_t)(zi->mnemonic == ZYDIS_MNEMONIC_SUB ? -ops[1].imm.value.s
									     : ops[1].imm.value.s);
		break;
	case ZYDIS_MNEMONIC_PUSH:
		i->sp_delta = -8;
		break;
	default:
		break;
	}
}

static int amd64_next(struct insn_cur *c, struct insn *i)
{
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction zi;

	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&c->dec, c->p, c->left, &zi, ops)))
		return -EBADMSG;
	i->len = zi.length;
	i->op = op_by_bytes(c->p, zi.length);
	for (unsigned n = 0; n < zi.operand_count; n++) {
		if (is_reg(&ops[n]) && (ops[n].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			i->written |= 1u << reg_id(ops[n].reg.value);
		else if (is_mem(&ops[n]) && n < zi.operand_count_visible)
			amd64_memory(i, &zi, &ops[n]);
	}
	i->written &= 0xffff & ~(1u << INSN_SP);
	if (zi.operand_count_visible >= 1)
		amd64_data(i, &zi, ops);
	amd64_branch(i, &zi, ops);
	return 1;
}

/* ---- arm64 ----------------------------------------------------------------------------------- */

static uint64_t arm_rel(uint64_t va, uint32_t w, unsigned lo, unsigned bits)
{
	uint64_t field = (w >> lo) & ((1u << bits) - 1);
	uint64_t sign = 1ULL << (bits - 1);

	return va + (((field ^ sign) - sign) << 2);
}

static void arm64_op(struct insn *i, uint32_t w)
{
	if ((w & 0xfc000000) == 0x94000000) {
		i->op = INSN_CALL;
		i->target = arm_rel(i->va, w, 0, 26);
	} else if ((w & 0xfc000000) == 0x14000000) {
		i->op = INSN_JMP;
		i->target = arm_rel(i->va, w, 0, 26);
	} else if ((w & 0xff000010) == 0x54000000 || (w & 0x7e000000) == 0x34000000) {
		i->op = INSN_JCC; /* b.cond, cbz, cbnz */
		i->target = arm_rel(i->va, w, 5, 19);
	} else if ((w & 0x7e000000) == 0x36000000) {
		i->op = INSN_JCC; /* tbz, tbnz */
		i->target = arm_rel(i->va, w, 5, 14);
	} else if (w == 0xd503201f) {
		i->op = INSN_NOP1;
	} else if ((w & 0xfffffc1f) == 0xd61f0000) {
		i->op = INSN_JMP_IND;
	} else if ((w & 0xfffffc1f) == 0xd63f0000) {
		i->op = INSN_CALL_IND;
	} else if ((w & 0xfffffc1f) == 0xd65f0000) {
		i->op = INSN_RET;
	}
}

/*
 * Whether w may write x0..x15, where Go passes arguments, beyond doubt: stores, compares and
 * branches do not; of everything else the low five bits are taken as the destination.
 */
static uint32_t arm64_written(const struct insn *i, uint32_t w)
{
	bool load_store = (w & 0x0a000000) == 0x08000000;
	bool is_store = load_store && !(w & (1u << 22)) && (w & 0x3b000000) != 0x18000000;

	if (i->op != INSN_OTHER || is_store)
		return 0;
	if (load_store && (w & 0x3a000000) == 0x28000000) /* a pair */
		return 1u << (w & 31) | 1u << ((w >> 10) & 31);
	return 1u << (w & 31);
}

/*
 * Addresses of data: adrp gives a page, add the rest, and a load takes either. Whatever else is
 * written is forgotten; so is everything at a call.
 */
static void arm64_data(struct insn_cur *c, struct insn *i, uint32_t w)
{
	unsigned rd = w & 31, rn = (w >> 5) & 31, size = w >> 30;
	bool based = c->known >> rn & 1;

	if ((w & 0x9f000000) == 0x90000000) { /* adrp */
		uint64_t imm = ((w >> 5 & 0x7ffff) << 2) | (w >> 29 & 3);

		c->addr[rd] = (i->va & ~0xfffULL) + (((imm ^ 0x100000) - 0x100000) << 12);
		c->known |= 1u << rd;
		return;
	}
	if ((w & 0xffc00000) == 0x91000000 && based) { /* add xd, xn, #imm */
		i->op = INSN_LEA;
		i->target = c->addr[rn] + (w >> 10 & 0xfff);
		c->addr[rd] = i->target;
		c->known |= 1u << rd;
	} else if ((w & 0x3f000000) == 0x39000000 && (w & 0x00c00000) && based) { /* ldr #imm */
		i->op = INSN_LOAD;
		i->mem_len = (uint8_t)(1 << size);
		i->target = c->addr[rn] + ((uint64_t)(w >> 10 & 0xfff) << size);
	} else if ((w & 0x3ffffc00) == 0x08dffc00 && based) { /* ldar */
		i->op = INSN_LOAD;
		i->mem_len = (uint8_t)(1 << size);
		i->target = c->addr[rn];
	} else if ((w & 0xffc00000) == 0xa9400000 && based) { /* ldp of two words */
		i->op = INSN_LOAD;
		i->mem_len = 16;
		i->target = c->addr[rn] + ((w >> 15 & 0x3f) << 3);
	} else if ((w & 0xffe0ffe0) == 0xaa0003e0) { /* mov xd, xm */
		i->op = INSN_MOV;
		i->src = (uint8_t)(w >> 16 & 31);
	}
	i->rip = i->op == INSN_LEA || i->op == INSN_LOAD;
	i->dst = (uint8_t)rd;
	if (i->op != INSN_LEA)
		c->known &= ~i->written;
	if (i->op == INSN_CALL || i->op == INSN_CALL_IND)
		c->known = 0;
}

static int arm64_next(struct insn_cur *c, struct insn *i)
{
	uint32_t w;

	if (c->left < 4)
		return -EBADMSG;
	memcpy(&w, c->p, 4);
	i->len = 4;
	arm64_op(i, w);
	i->written = arm64_written(i, w);
	arm64_data(c, i, w);
	return 1;
}

int insn_next(struct insn_cur *c, struct insn *ret)
{
	struct insn i = { .va = c->va,
			  .bytes = c->p,
			  .base = INSN_NOREG,
			  .dst = INSN_NOREG,
			  .src = INSN_NOREG };
	int r;

	if (!c->left)
		return 0;
	r = c->arm64 ? arm64_next(c, &i) : amd64_next(c, &i);
	if (r < 0)
		return r;
	c->p += i.len;
	c->va += i.len;
	c->left -= i.len;
	*ret = i;
	return 1;
}
