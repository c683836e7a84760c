/*
 * script.h - a history of records written by hand, and the text that must come out.
 *
 *	struct script s;
 *	script_begin(&s);		m101 runs g1 on p0; p1 is idle; g2 waits, g3 is runnable
 *	R(&s, HOOK_PARK, 101, G(1), P(0), .x = 4);
 *	script_expect(&s, "m101 p0 g1 GoBlock \"chan receive\" []\n");
 *
 * Expectations leave out what the snapshot's own generation announces (all lines up to the end of
 * the announcements), unless the script asks for whole texts.
 */
#ifndef TESTS_MODEL_SCRIPT_H
#define TESTS_MODEL_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/model/lab.h"
#include "unit/model/text.h"

#define G(n) .g = 0xc000000000 + (n) * 0x400, .goid = (n)
#define P(n) .p = 0xc000100000 + (n) * 0x4000
#define GPTR(n) (0xc000000000 + (n) * 0x400)
#define PPTR(n) (0xc000100000 + (n) * 0x4000)

struct script {
	struct buf recs, trace, text;
	struct lab_opts opts;
	struct model_stats stats;
	uint64_t ts;
	bool times;
};

static inline void script_add(struct script *s, struct rec r, const uint64_t *pcs, size_t npc)
{
	s->ts += 10;
	r.ts = r.ts ? r.ts : s->ts;
	lab_add(&s->recs, r, pcs, npc);
}

/* A record without a stack, and one with: pcs are return addresses, leaf first. */
#define R(s, h, t, ...)                                                                            \
	script_add(s, (struct rec){ .hook = (h), .tid = (t), __VA_ARGS__ },                          \
		   NULL, 0)
#define PCS(...) ((const uint64_t[]){ __VA_ARGS__ })
#define RS(s, pcs_, h, t, ...)                                                                     \
	script_add(s, (struct rec){ .hook = (h), .tid = (t), __VA_ARGS__ },                          \
		   pcs_, sizeof(pcs_) / sizeof((pcs_)[0]))

static inline void script_init(struct script *s)
{
	*s = (struct script){ .ts = 1000000000,
			      .opts = { .format = 25, .go_minor = 26, .gen_ns = 1000000000,
					.gen_bytes = 1 << 20, .no_unblock = true } };
}

static inline void script_begin(struct script *s)
{
	script_init(s);
	R(s, HOOK_SNAP_P, 101, P(0), .x = 0, .y = 1);
	R(s, HOOK_SNAP_P, 0, P(1), .x = 1, .y = 0);
	R(s, HOOK_SNAP_M, 101, P(0), .x = GPTR(1));
	R(s, HOOK_SNAP_G, 101, G(1), .gstatus = 2);
	R(s, HOOK_SNAP_G, 0, G(2), .gstatus = 4);
	R(s, HOOK_SNAP_G, 0, G(3), .gstatus = 1);
	/* Read long before: what follows says nothing of the start. */
	R(s, HOOK_SNAP_END, 0, .x = 3, .y = 2, .ts = s->ts - 100000000);
}

static inline bool script_is_status(const char *line)
{
	const char *end = strchr(line, '\n'), *at = strstr(line, "Status");

	return line[0] == '=' || (at && end && at < end);
}

static inline void script_run(struct script *s)
{
	struct diag d = { 0 };

	assert_int_equal(lab_run(&s->opts, &s->recs, &s->trace, &s->stats), 0);
	text_of(&s->trace, s->times, &s->text);
	if (lab_judge(&s->trace, NULL, &d) < 0)
		fail_msg("%s\n%s", d.text, (const char *)s->text.p);
}

static inline void script_done(struct script *s)
{
	buf_done(&s->recs);
	buf_done(&s->trace);
	buf_done(&s->text);
}

/* The whole text; s is done after. */
static inline void script_expect_all(struct script *s, const char *want)
{
	script_run(s);
	assert_string_equal((const char *)s->text.p, want);
	script_done(s);
}

/* The text behind the first announcements; s can be asked further. */
static inline void script_expect_more(struct script *s, const char *want)
{
	const char *line;

	script_run(s);
	line = (const char *)s->text.p;
	while (*line && script_is_status(line))
		line = strchr(line, '\n') + 1;
	assert_string_equal(line, want);
}

static inline void script_expect(struct script *s, const char *want)
{
	script_expect_more(s, want);
	script_done(s);
}

/* Nothing else than this many of one kind was repaired. */
static inline void script_repairs(const struct script *s, enum repair kind, uint64_t cnt)
{
	for (unsigned r = 0; r < REPAIR_COUNT; r++)
		if (s->stats.repairs[r] != (r == kind ? cnt : 0))
			fail_msg("%s: %llu repairs", repair_name(r),
				 (unsigned long long)s->stats.repairs[r]);
}

#endif
