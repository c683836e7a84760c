#include "image/gosym.h"

#include "base/limits.h"
#include "base/num.h"

enum {
	PCDATA_INLTREE = 2, /* internal/abi/symtab.go */
	FUNCDATA_WRAPINFO = 7,
};

static uint32_t pcdata_off(const struct pcln_func *f, uint32_t i)
{
	struct span s = span_sub(&f->tail, 4 * (uint64_t)i, 4);

	return i < f->pcdata_cnt ? span_u32(&s) : 0;
}

static uint64_t zigzag(uint64_t v)
{
	return (v >> 1) ^ -(v & 1);
}

/*
 * The value of a pc-value table at pc. -1 where there is none, and for a damaged table. budget
 * bounds the steps of one symbolisation over all its tables.
 */
static int64_t pcvalue(const struct gopclntab *t, const struct pcln_func *f, uint32_t tab_off,
		       uint64_t pc, uint32_t *budget)
{
	struct span s;
	uint64_t at = f->entry_va;
	int64_t val = -1;

	if (!tab_off || tab_off >= t->pctab.left)
		return -1;
	s = span_sub(&t->pctab, tab_off, t->pctab.left - tab_off);
	for (bool first = true; *budget; first = false, --*budget) {
		uint64_t dv = span_uvarint(&s), dpc;

		if (s.bad || (!dv && !first))
			return -1;
		dpc = span_uvarint(&s);
		if (s.bad || dpc > LIMIT_FUNC_BYTES * 64ULL)
			return -1;
		val = (int64_t)((uint64_t)val + zigzag(dv));
		at += dpc * t->quantum;
		if (pc < at)
			return val < INT32_MIN || val > INT32_MAX ? -1 : val;
	}
	return -1;
}

/*
 * The tree has no length: its nodes are those that the pc-value table names, so the table is walked
 * to its highest value.
 */
bool gosym_inlines(const struct gopclntab *t, const struct pcln_func *f, uint32_t name_off,
		   uint64_t *budget)
{
	struct pcln_node node;
	int64_t val = -1, max = -1;
	uint32_t off = pcdata_off(f, PCDATA_INLTREE);
	struct span s;

	if (!off || off >= t->pctab.left)
		return false;
	s = span_sub(&t->pctab, off, t->pctab.left - off);
	for (uint32_t n = 0; n < LIMIT_INLINE_STEPS && *budget; n++, --*budget) {
		uint64_t dv = span_uvarint(&s);

		span_uvarint(&s);
		if (s.bad || (!dv && n))
			break;
		val = (int64_t)((uint64_t)val + zigzag(dv));
		max = val > max ? val : max;
	}
	if (max > LIMIT_INLINE_STEPS)
		return false;
	for (int64_t i = 0; i <= max && *budget; i++, --*budget) {
		if (gopclntab_node(t, f, (uint32_t)i, &node))
			return false;
		if (node.name_off == name_off)
			return true;
	}
	return false;
}

static const char *file_name(const struct gopclntab *t, const struct pcln_func *f, uint64_t pc,
			     uint32_t *budget)
{
	int64_t idx = pcvalue(t, f, f->pcfile_off, pc, budget);
	uint32_t off;
	struct span s;

	if (idx < 0)
		return "";
	s = span_sub(&t->cutab, 4 * ((uint64_t)f->cu_off + (uint64_t)idx), 4);
	off = span_u32(&s);
	if (s.bad || off >= t->filetab.left)
		return "";
	s = span_sub(&t->filetab, off, t->filetab.left - off);
	return memchr(s.p, 0, num_min(s.left, LIMIT_NAME_LEN)) ? (const char *)s.p : "";
}

static void frame_fill(const struct gopclntab *t, const struct pcln_func *f, uint64_t pc,
		       uint32_t *budget, struct image_frame *ret)
{
	int64_t line = pcvalue(t, f, f->pcln_off, pc, budget);

	*ret = (struct image_frame){
		.pc = pc,
		.func = gopclntab_name(t, f->name_off),
		.file = file_name(t, f, pc, budget),
		.line = line > 0 ? (uint32_t)line : 0,
		.func_id = f->func_id,
		.wrapper = gopclntab_is_wrapper(t, f->func_id),
		.entry_va = f->entry_va,
	};
}

size_t gosym_frames(const struct gopclntab *t, uint64_t pc, struct image_frame *ret, size_t cap)
{
	uint32_t budget = LIMIT_PCVALUE_STEPS;
	uint32_t inl_off;
	struct pcln_func f;
	size_t n = 0;

	if (!cap || gopclntab_func_at(t, pc, &f))
		return 0;
	inl_off = pcdata_off(&f, PCDATA_INLTREE);
	while (n < cap) {
		int64_t idx = n < LIMIT_INLINE_DEPTH ? pcvalue(t, &f, inl_off, pc, &budget) : -1;
		struct pcln_node node;

		frame_fill(t, &f, pc, &budget, &ret[n]);
		if (idx < 0 || gopclntab_node(t, &f, (uint32_t)idx, &node))
			return n + 1;
		ret[n].inlined = true;
		ret[n].func = gopclntab_name(t, node.name_off);
		ret[n].func_id = node.func_id;
		ret[n].wrapper = gopclntab_is_wrapper(t, node.func_id);
		pc = f.entry_va + node.parent_pc;
		n++;
	}
	return n;
}

uint64_t gosym_start_pc(const struct gopclntab *t, uint64_t startpc)
{
	struct pcln_func f;
	struct span s;
	uint32_t off;

	if (gopclntab_func_at(t, startpc, &f))
		return startpc;
	s = gopclntab_funcdata(t, &f, FUNCDATA_WRAPINFO, 4);
	off = span_u32(&s);
	return s.bad ? startpc : t->text_va + off;
}
