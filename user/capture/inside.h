/*
 * inside.h - what capture.c (before anything is touched), live.c (attached) and step.c (other plans on the
 * way) share. Nobody else includes it.
 */
#ifndef CAPTURE_INSIDE_H
#define CAPTURE_INSIDE_H

#include "base/clock.h"
#include "capture/attach.h"
#include "capture/capture.h"
#include "capture/golive.h"
#include "capture/livecheck.h"
#include "capture/price.h"
#include "proc/mem.h"

/* A change of plan that is to be told in its place among the records; ts 0: none. */
struct turn {
	uint64_t ts, plan, flags;
};

struct capture {
	struct capture_opts opts;
	struct target target;
	bool have_target;
	struct image *img;
	uint64_t bias;
	struct plan plan;
	struct livecheck live;
	struct attach_features features;
	enum plan_syscalls syscalls; /* as chosen */
	struct price price;
	enum plan_rung rung;
	unsigned parts; /* that may be attached at all */
	uint64_t switch_ns; /* that probes were there without being watched, at attaching and detaching */
	struct mem_process mem_process;
	struct mem mem;
	struct golive golive;
	struct attach *attach;
	struct turn turn;
	struct capture_sink sink;
	struct rings_sums last_sums; /* after detaching */
	uint64_t clock_ns; /* when the clock was told last */
	uint32_t snap_cnt;
	size_t ring_bytes;
};

/* -v tells what took from begin_ns (CLOCK_MONOTONIC) to now. */
void debug_span(const char *what, uint64_t begin_ns);

/* Whose hits are taken. */
struct attach_who capture_who(const struct capture *c);
enum plan_rung rung_of(enum rec_plan plan);

/* A record of our own, or a message for the trace, to the sink. What it returned. */
int deliver_note(struct capture *c, uint64_t ts, const char *text);
int deliver_own(struct capture *c, unsigned hook, uint64_t ts, uint64_t x, uint64_t y);
int deliver_clock(struct capture *c);
/* The change of plan that waits in c->turn. */
int deliver_turn(struct capture *c);
/* What is in the rings and complete; final: all. What the sink returned, or rings_scan's error. */
int deliver(struct capture *c, bool final, struct diag *d);

#endif
