/*
 * scene.h - a small trace made by hand, whose every nanosecond is known; and traces in general.
 *
 * The trace ends 1 ns after its last event, at 6001.
 *
 *	t     1000  1400 1500 1700        2300                 3200..3500   5000    6000
 *	g1    run---wait-able-run---------------------------------------GC--sleep-----
 *	g2       1100 able 1300 run 1800 wait 2300 able 2400 run 2500 syscall 2900 able 3100 run
 *	         3350 able 3610 run 4100 gone
 *	P0    running-----------------------------------------------------------5100 idle  6000
 *	P1    idle 1200 running 2600 stolen 3000 running 3360 idle 3600 running 4200 idle
 *
 * g1 is main.main, g2 main.worker. g1 waits 100 ns in a receive until g2 sends; g2 waits 500 ns in
 * a send until g1 receives. g2's syscall has its P for 100 ns and not for 300. A stop of the world
 * lasts from 3300 to 3400; g2 stops at 3350, P1 at 3360.
 */
#ifndef TEST_REPORT_SCENE_H
#define TEST_REPORT_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "include/gotrace.h"
#include "report/report.h"
#include "trace/evspec.h"
#include "trace/genwriter.h"

struct scene {
	struct genwriter *w;
	struct buf out;
	struct gen_clock clock;
};

#define EV(s, m, ts, type, ...)                                                                    \
	assert_int_equal(genwriter_event((s)->w, m, type, ts, (const uint64_t[]){__VA_ARGS__},     \
					 ARRAY_LEN(((const uint64_t[]){__VA_ARGS__}))),            \
			 0)
#define EV0(s, m, ts, type) assert_int_equal(genwriter_event((s)->w, m, type, ts, NULL, 0), 0)

static inline void scene_begin(struct scene *s, unsigned format, uint64_t ts)
{
	uint8_t header[16];

	*s = (struct scene){.w = genwriter_new(format, 1),
			    .clock = {.ts = ts, .mono_ns = ts, .wall_ns = 1700000000000000000}};
	assert_non_null(s->w);
	genwriter_header(format, header);
	buf_bytes(&s->out, header, sizeof(header));
	genwriter_begin(s->w, 1, ts);
}

/* Ends generation n and begins the next one. */
static inline void scene_next(struct scene *s, uint64_t n, uint64_t ts)
{
	assert_int_equal(genwriter_end(s->w, &s->clock, &s->out), 0);
	s->clock.ts = ts;
	genwriter_begin(s->w, n + 1, ts);
}

static inline void scene_end(struct scene *s)
{
	assert_int_equal(genwriter_end(s->w, &s->clock, &s->out), 0);
	genwriter_free(s->w);
	s->w = NULL;
}

static inline uint64_t text(struct scene *s, const char *t)
{
	return genwriter_string(s->w, t, strlen(t));
}

/* A stack of a leaf in the runtime (or NULL) and one function: PCs are made of the id. */
static inline void stack(struct scene *s, uint64_t id, const char *leaf, const char *func,
			 uint64_t line)
{
	struct gen_frame f[2] = {
		{.pc = id * 16, .func = leaf, .file = "/go/src/runtime/chan.go", .line = 1},
		{.pc = id * 16 + 1, .func = func, .file = "/src/main.go", .line = line},
	};

	genwriter_stack(s->w, id, leaf ? f : f + 1, leaf ? 2 : 1);
}

static inline void scene_stacks(struct scene *s)
{
	stack(s, 1, "runtime.chanrecv1", "main.main", 10);
	stack(s, 2, NULL, "main.worker", 1);
	stack(s, 3, "runtime.chansend1", "main.worker", 20);
	stack(s, 4, "syscall.Read", "main.worker", 30);
	stack(s, 5, "runtime.chanrecv1", "main.main", 12);
	stack(s, 6, "runtime.GC", "main.main", 40);
	stack(s, 7, NULL, "main.main", 50);
	stack(s, 8, NULL, "main.worker", 60);
}

static inline void scene_first_half(struct scene *s)
{
	EV(s, 100, 1000, EV_PROC_STATUS, 0, TRACE_PROC_RUNNING);
	EV(s, 100, 1001, EV_GO_STATUS, 1, 100, TRACE_GO_RUNNING);
	EV(s, 100, 1002, EV_PROCS_CHANGE, 2, 0);
	EV(s, 101, 1003, EV_PROC_STATUS, 1, TRACE_PROC_IDLE);
	EV(s, 100, 1100, EV_GO_CREATE, 2, 2, 7);
	EV(s, 101, 1200, EV_PROC_START, 1, 1);
	EV(s, 101, 1300, EV_GO_START, 2, 1);
	EV(s, 100, 1400, EV_GO_BLOCK, text(s, "chan receive"), 1);
	EV(s, 101, 1500, EV_GO_UNBLOCK, 1, 1, 3);
	EV(s, 100, 1700, EV_GO_START, 1, 2);
	EV(s, 101, 1800, EV_GO_BLOCK, text(s, "chan send"), 3);
	EV(s, 100, 2300, EV_GO_UNBLOCK, 2, 2, 5);
	EV(s, 101, 2400, EV_GO_START, 2, 3);
	EV(s, 101, 2500, EV_GO_SYSCALL_BEGIN, 2, 4);
	EV(s, 100, 2600, EV_PROC_STEAL, 1, 3, 101);
	EV0(s, 101, 2900, EV_GO_SYSCALL_END_BLOCKED);
	EV(s, 101, 3000, EV_PROC_START, 1, 4);
	EV(s, 101, 3100, EV_GO_START, 2, 4);
}

static inline void scene_second_half(struct scene *s)
{
	EV(s, 100, 3200, EV_GC_BEGIN, 1, 6);
	EV(s, 100, 3300, EV_STW_BEGIN, text(s, "GC mark termination"), 6);
	EV(s, 101, 3350, EV_GO_STOP, text(s, "preempted"), 8);
	EV0(s, 101, 3360, EV_PROC_STOP);
	EV0(s, 100, 3400, EV_STW_END);
	EV(s, 100, 3500, EV_GC_END, 2);
	EV(s, 101, 3600, EV_PROC_START, 1, 5);
	EV(s, 101, 3610, EV_GO_START, 2, 5);
	EV(s, 100, 3700, EV_HEAP_ALLOC, 1000);
	EV(s, 100, 3701, EV_HEAP_GOAL, 4000);
	EV(s, 101, 3800, EV_USER_TASK_BEGIN, 7, 0, text(s, "request"), 8);
	EV(s, 101, 3810, EV_USER_REGION_BEGIN, 7, text(s, "handle"), 8);
	EV(s, 101, 3820, EV_USER_LOG, 7, text(s, "answer"), text(s, "forty\ntwo"), 8);
	EV(s, 101, 3900, EV_USER_REGION_END, 7, text(s, "handle"), 8);
	EV(s, 101, 4000, EV_USER_TASK_END, 7, 8);
	EV0(s, 101, 4100, EV_GO_DESTROY);
	EV0(s, 101, 4200, EV_PROC_STOP);
	EV(s, 100, 4500, EV_GC_MARK_ASSIST_BEGIN, 6);
	EV0(s, 100, 4600, EV_GC_MARK_ASSIST_END);
	EV(s, 100, 4700, EV_GC_SWEEP_BEGIN, 6);
	EV(s, 100, 4750, EV_GC_SWEEP_END, 8192, 4096);
	EV(s, 100, 5000, EV_GO_BLOCK, text(s, "sleep"), 7);
	EV0(s, 100, 5100, EV_PROC_STOP);
	EV(s, 100, 6000, EV_PROC_START, 0, 1);
}

/* The bytes of the scene; out is the caller's to buf_done. */
static inline struct buf scene_bytes(void)
{
	struct scene s;

	scene_begin(&s, 25, 1000);
	scene_first_half(&s);
	scene_second_half(&s);
	scene_stacks(&s);
	scene_end(&s);
	return s.out;
}

static inline struct report *report_of(const struct buf *b, const struct report_opts *opts)
{
	struct gotrace *t;
	struct gotrace_error e;
	struct report *r;

	if (gotrace_open_mem(b->p, b->len, 0, &t, &e))
		fail_msg("%s", e.text);
	assert_int_equal(report_new(opts, &r), 0);
	assert_int_equal(report_read(r, t), 0);
	gotrace_close(t);
	return r;
}

static inline struct report_opts scene_opts(void)
{
	return (struct report_opts){.goroutine = GOTRACE_NO_GOROUTINE, .top = 10, .slowest = 3};
}

/* The whole scene, reported. */
static inline struct report *scene_report(void)
{
	struct buf b = scene_bytes();
	struct report_opts o = scene_opts();
	struct report *r = report_of(&b, &o);

	if (r->error.code)
		fail_msg("%s", r->error.text);
	buf_done(&b);
	return r;
}

static inline uint32_t name_id(struct report *r, const char *name)
{
	return intern_text(&r->in, name);
}

static inline const struct group *group_of(struct report *r, const char *name)
{
	const struct group *g = tab_find(&r->groups.tab, name_id(r, name));

	assert_non_null(g);
	return g;
}

static inline int64_t tally_of(struct report *r, const struct tally *t, const char *name)
{
	const struct tally_row *row = tally_find(t, name_id(r, name));

	return row ? row->ns : -1;
}

#endif
