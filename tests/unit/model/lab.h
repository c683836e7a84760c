/*
 * lab.h - a bench for the model: records in memory, run into a trace, judged by the order rules.
 *
 * B1  Records are built as record.h has them (R1); a struct buf holds them one behind the other.
 * B2  The symbols are made up: every pc has a name, some have two frames, some are wrappers, so
 *     that no binary is needed.
 */
#ifndef TESTS_MODEL_LAB_H
#define TESTS_MODEL_LAB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "model/model.h"
#include "trace/genwriter.h"
#include "trace/ordercheck.h"

/* ---- records ---- */

static inline void lab_add(struct buf *b, struct rec r, const uint64_t *pcs, size_t npc)
{
	r.npc = (uint8_t)npc;
	r.len = (uint16_t)(sizeof(r) + npc * sizeof(*pcs));
	buf_bytes(b, &r, sizeof(r));
	buf_bytes(b, pcs, npc * sizeof(*pcs));
}

/* A user annotation: room for the pcs, then two texts (record.h REC_TEXT_*). */
static inline void lab_add_text(struct buf *b, struct rec r, const char *one, const char *two)
{
	static const uint8_t zero[REC_TEXT_PC * 8 + 2 * REC_TEXT_EACH];
	size_t at = b->len + sizeof(r) + REC_TEXT_PC * 8;

	r.npc = 0;
	r.len = sizeof(r) + sizeof(zero);
	r.p = strlen(one) | (uint64_t)strlen(two) << 32;
	buf_bytes(b, &r, sizeof(r));
	buf_bytes(b, zero, sizeof(zero));
	if (b->failed)
		abort();
	memcpy(b->p + at, one, strlen(one));
	memcpy(b->p + at + REC_TEXT_EACH, two, strlen(two));
}

static inline const struct rec *lab_at(const struct buf *b, size_t off)
{
	return (const struct rec *)(b->p + off);
}

/* ---- symbols ---- */

static inline size_t lab_frames(void *ctx, uint64_t pc, struct symbol *ret, size_t cap)
{
	static char names[2][32];
	size_t n = (pc & 0x30) == 0x30 ? 2 : 1;

	(void)ctx;
	if (pc < 0x1000 || cap < 2)
		return 0;
	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "main.f%llx_%zu",
			 (unsigned long long)(pc >> 8) & 0xffff, i);
		ret[i] = (struct symbol){ .pc = pc + i, .func = names[i], .file = "main.go",
					  .line = (uint32_t)(pc & 0xff),
					  .wrapper = (pc & 0xc0) == 0xc0 };
	}
	if ((pc >> 8 & 0xf) == 0xf)
		ret[n - 1].func = "runtime.goexit";
	return n;
}

/* ---- runs ---- */

struct lab_opts {
	unsigned format, go_minor;
	uint64_t gen_ns;
	size_t gen_bytes;
	bool no_unblock;
};

static inline int lab_take_gen(void *ctx, const struct model_gen *gen)
{
	buf_bytes(ctx, gen->bytes, gen->len);
	return 0;
}

static const char *const lab_reasons[] = { "unspecified", "forever", "network", "select",
					   "chan receive", "chan send", "sleep", "sync", "",
					   "GC mark assist wait for work" };
static const char *const lab_stw[] = { "unknown", "GC sweep termination", "GC mark termination" };

/* Runs records into a whole trace in out. The model's error, or 0. */
static inline int lab_run(const struct lab_opts *o, const struct buf *recs, struct buf *out,
			  struct model_stats *ret_stats)
{
	struct symbols_source source = { .frames = lab_frames };
	struct symbols *syms = symbols_new(&source, false);
	struct model_opts mo = {
		.format = o->format,
		.go_minor = o->go_minor,
		.gen_ns = o->gen_ns,
		.gen_bytes = o->gen_bytes,
		.block_reasons = { lab_reasons, ARRAY_LEN(lab_reasons) },
		.wait_reasons = { lab_reasons, ARRAY_LEN(lab_reasons) },
		.stw_reasons = { lab_stw, ARRAY_LEN(lab_stw) },
		.goal_word = 9,
		.symbols = syms,
		.unblock_pc = o->no_unblock ? 0 : 0x432100,
		.gen_done = lab_take_gen,
		.ctx = out,
	};
	struct model *model;
	uint8_t header[16];
	int err;

	if (!syms || model_new(&mo, &model) < 0)
		abort();
	buf_reset(out);
	genwriter_header(o->format, header);
	buf_bytes(out, header, sizeof(header));
	err = 0;
	for (size_t off = 0; !err && off < recs->len; off += lab_at(recs, off)->len)
		err = model_record(model, lab_at(recs, off));
	if (!err)
		err = model_finish(model);
	if (ret_stats)
		*ret_stats = *model_get_stats(model);
	model_free(model);
	symbols_free(syms);
	return err;
}

/* 0 if the trace is lawful or empty; else d says why not. */
static inline int lab_judge(const struct buf *trace, struct trace_counts *ret_counts,
			    struct diag *d)
{
	struct trace_counts c;
	int err = order_check_mem(trace->p, trace->len, ret_counts ? ret_counts : &c, d);

	return err;
}

#endif
