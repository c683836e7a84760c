/*
 * dice.h - records of any kind, from a stream of bytes: a random generator's or a fuzzer's.
 *
 * Fields come from small sets (4 threads, 7 goroutines, 4 Ps), so that records contradict each other
 * often; each field is sometimes one that fits nothing.
 */
#ifndef TESTS_MODEL_DICE_H
#define TESTS_MODEL_DICE_H

#include "unit/model/lab.h"

struct dice {
	const uint8_t *p; /* a fuzzer's bytes, or NULL: random ones */
	size_t left;
	uint64_t state;
};

static inline uint64_t dice_u64(struct dice *d)
{
	uint64_t v = 0;

	if (d->p) {
		for (int i = 0; i < 8 && d->left; i++, d->left--)
			v = v << 8 | *d->p++;
		return v;
	}
	/* splitmix64: the same on every machine */
	v = (d->state += 0x9e3779b97f4a7c15ULL);
	v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9ULL;
	v = (v ^ (v >> 27)) * 0x94d049bb133111ebULL;
	return v ^ (v >> 31);
}

/* 0 .. n - 1; one byte of a fuzzer's. */
static inline unsigned dice_roll(struct dice *d, unsigned n)
{
	if (!d->p)
		return (unsigned)(dice_u64(d) >> 33) % n;
	if (!d->left)
		return 0;
	d->left--;
	return *d->p++ % n;
}

static inline bool dice_done(const struct dice *d)
{
	return d->p && !d->left;
}

enum { DICE_GS = 7, DICE_PS = 4, DICE_MS = 4 };

static inline uint64_t dice_gptr(uint64_t goid)
{
	return 0xc000000000 + goid * 0x400;
}

static inline uint64_t dice_pptr(uint64_t id)
{
	return 0xc000100000 + id * 0x4000;
}

static inline uint64_t dice_p(struct dice *d)
{
	unsigned i = dice_roll(d, DICE_PS + 3);

	return i < DICE_PS ? dice_pptr(i) : i == DICE_PS ? dice_pptr(40 + dice_roll(d, 4)) : 0;
}

static const uint8_t dice_hooks[] = {
	/* what happens most, most often */
	HOOK_EXECUTE, HOOK_EXECUTE, HOOK_EXECUTE, HOOK_PARK, HOOK_PARK, HOOK_READY, HOOK_READY,
	HOOK_INJECT, HOOK_CREATE, HOOK_CREATE, HOOK_GOSCHED, HOOK_PREEMPT_PARK, HOOK_EXIT,
	HOOK_COROSWITCH, HOOK_COROSWITCH, HOOK_SYSCALL_ENTER, HOOK_SYSCALL_ENTER, HOOK_SYSCALL_BLOCK,
	HOOK_SYSCALL_EXIT, HOOK_SYSCALL_EXIT, HOOK_SYSCALL_EXIT, HOOK_SYSCALL_NOP, HOOK_ACQUIRE,
	HOOK_ACQUIRE, HOOK_ACQUIRE, HOOK_RELEASE, HOOK_RELEASE, HOOK_HANDOFF, HOOK_STEAL,
	HOOK_STEAL, HOOK_GCWAIT, HOOK_NEEDM, HOOK_NEEDM, HOOK_DROPM, HOOK_DROPM, HOOK_STW_BEGIN,
	HOOK_STW_START, HOOK_STW_END, HOOK_PROCRESIZE, HOOK_GC_BEGIN, HOOK_GC_END, HOOK_ASSIST_BEGIN,
	HOOK_ASSIST_END, HOOK_STARTLOCKEDM, HOOK_HEAP, HOOK_TASK_BEGIN, HOOK_TASK_END, HOOK_REGION,
	HOOK_REGION, HOOK_LOG, HOOK_SNAP_G, HOOK_SNAP_P, HOOK_SNAP_M, HOOK_SNAP_GC, HOOK_CLOCK,
	HOOK_LOST, HOOK_NOTE, HOOK_END, HOOK_ASSIST_PARK, HOOK_CALL, HOOK_PLAN, HOOK_PLAN, HOOK_PLAN,
	HOOK_SNAP_END, HOOK_SNAP_END,
};

/* x and y, as far as the hook gives them a meaning. */
static inline void dice_xy(struct dice *d, struct rec *r)
{
	uint64_t other = dice_roll(d, DICE_GS + 1);

	switch (r->hook) {
	case HOOK_CREATE:
	case HOOK_SNAP_G:
		r->x = 0x401000 + dice_roll(d, 8) * 0x100;
		r->y = other;
		break;
	case HOOK_COROSWITCH:
		r->x = dice_gptr(other);
		r->y = other;
		break;
	case HOOK_SYSCALL_EXIT:
		r->x = dice_roll(d, 2) ? 0x500000005 : 0x500000006;
		r->y = dice_roll(d, 5);
		break;
	case HOOK_READY:
	case HOOK_NEEDM:
		r->x = dice_roll(d, 2) ? dice_gptr(other) : 0;
		break;
	case HOOK_SNAP_M:
		r->x = dice_gptr(other);
		r->y = dice_p(d);
		break;
	case HOOK_STEAL:
		r->x = 0xc000200000 + dice_roll(d, DICE_MS) * 0x800;
		break;
	case HOOK_PLAN:
		r->x = dice_roll(d, 3);
		r->y = dice_roll(d, 8);
		break;
	default:
		r->x = dice_roll(d, 16);
		r->y = dice_roll(d, 4);
		break;
	}
	if (dice_roll(d, 64) == 1)
		r->x = dice_u64(d);
	if (dice_roll(d, 64) == 1)
		r->y = dice_u64(d);
}

/* One record at ts or later; *ts is its time. */
static inline void dice_record(struct dice *d, struct buf *b, unsigned hook, uint64_t *ts)
{
	static const uint32_t statuses[] = { 2, 4, 1, 3, 6, 9, 0x1002, 0x1004 };
	uint64_t pcs[REC_MAX_PC];
	unsigned m = dice_roll(d, DICE_MS), step = dice_roll(d, 16), npc = 0;
	struct rec r = { .hook = (uint8_t)hook };

	*ts += step < 3 ? 0 : step < 15 ? step : dice_roll(d, 250) * 40;
	r.ts = *ts;
	r.tid = 101 + m;
	r.goid = dice_roll(d, DICE_GS + 1);
	r.g = dice_gptr(dice_roll(d, 24) ? r.goid : dice_roll(d, DICE_GS));
	if (dice_roll(d, 3) == 1)
		r.goid = 0; /* R7: its address says who it is */
	if (hook > HOOK_BPF_END)
		r.m = 0xc000200000 + m * 0x800;
	else
		r.stack = dice_roll(d, 2) ? 0 : 0x1000 + dice_roll(d, 6); /* R6: told before, or not */
	r.p = dice_p(d);
	r.gstatus = statuses[dice_roll(d, ARRAY_LEN(statuses))];
	r.flags = dice_roll(d, 3) ? 0 : (uint8_t)dice_roll(d, 256);
	r.skip = (uint16_t)dice_roll(d, 4);
	dice_xy(d, &r);
	if (hook == HOOK_NOTE) {
		static const char note[16] = "a note";

		r.x = dice_roll(d, sizeof(note) + 1);
		r.len = sizeof(r) + sizeof(note);
		buf_bytes(b, &r, sizeof(r));
		buf_bytes(b, note, sizeof(note));
		return;
	}
	if (hook >= HOOK_TASK_BEGIN && hook <= HOOK_LOG && dice_roll(d, 8)) {
		static const char *const texts[] = { "", "one", "two", "three" };

		r.y = hook == HOOK_REGION ? dice_roll(d, 2) : r.y;
		lab_add_text(b, r, texts[dice_roll(d, 4)], texts[dice_roll(d, 4)]);
		return;
	}
	if (hook == HOOK_HEAP || hook == HOOK_SNAP_GC)
		npc = dice_roll(d, 8) ? REC_GCC_WORDS : 0;
	else if (dice_roll(d, 2))
		npc = dice_roll(d, 5) + (dice_roll(d, 50) == 1 ? 100 : 0);
	for (unsigned i = 0; i < npc; i++)
		pcs[i] = 0x400000 + dice_roll(d, 16) * 0x110 + dice_roll(d, 3) * 0x1f0;
	if (dice_roll(d, 64) == 1 && npc)
		pcs[0] = dice_u64(d);
	lab_add(b, r, pcs, npc);
}

/* A whole stream; n records, or until a fuzzer's bytes end. */
static inline void dice_stream(struct dice *d, struct buf *b, size_t n)
{
	uint64_t ts = 1000000000 + dice_roll(d, 100);
	unsigned end = dice_roll(d, 8) * 8; /* the snapshot's end stands here; 0: it never comes */

	for (size_t i = 0; i < n && !dice_done(d); i++) {
		if (end && i == end)
			dice_record(d, b, HOOK_SNAP_END, &ts);
		dice_record(d, b, dice_hooks[dice_roll(d, ARRAY_LEN(dice_hooks))], &ts);
	}
}

static inline struct lab_opts dice_opts(struct dice *d)
{
	static const unsigned formats[] = { 22, 23, 25, 26 };
	struct lab_opts o = {
		.format = formats[dice_roll(d, 4)],
		.go_minor = 22 + dice_roll(d, 6),
		.gen_ns = dice_roll(d, 2) ? 1000000000 : 200 + dice_roll(d, 200),
		.gen_bytes = dice_roll(d, 4) ? 1 << 20 : 300,
		.no_unblock = dice_roll(d, 4) == 1,
	};

	return o;
}

#endif
