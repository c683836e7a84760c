/*
 * orderstate.h - what order.c knows about goroutines, Ps, threads, tasks, regions and ranges.
 * A part of order.c on its own; nobody else includes it.
 *
 * R1  A goroutine's slot is never given back to the allocator while the trace is read; a free one
 *     has id TRACE_NO_G. So a thread may keep a pointer, and check it by the id.
 */
#ifndef TRACE_ORDERSTATE_H
#define TRACE_ORDERSTATE_H

#include "base/arena.h"
#include "trace/idtab.h"
#include "trace/order.h"

#define TRACE_NO_G UINT64_MAX

/* A special range of time in flight: stop-the-world (of a kind), mark assist, sweep. */
struct order_range {
	uint64_t desc; /* the kind's string id, or 0 */
	uint8_t type;  /* the event that begins it */
};

struct order_ranges {
	struct order_range *v; /* owned */
	uint32_t cnt, cap;
};

/* A name by its content. refs counts tasks and regions; it goes at order_sweep when 0. */
struct order_name {
	struct order_name *next; /* same hash */
	uint64_t hash;
	size_t refs, len;
	char text[]; /* zero-terminated */
};

struct order_region {
	struct order_region *up;
	uint64_t task;
	struct order_name *name;
};

struct order_task {
	uint64_t parent;
	struct order_name *name;
};

struct order_g {
	uint64_t id;
	uint64_t gen, seq;
	uint8_t status; /* TRACE_GO_* */
	struct order_ranges ranges;
	struct order_region *regions; /* innermost first; owned */
	struct order_g *next_free;
};

struct order_p {
	uint64_t id;
	uint64_t gen, seq;
	uint8_t status; /* TRACE_PROC_* */
	struct order_ranges ranges;
};

struct order_m {
	uint64_t id;
	uint64_t p_id, g_id; /* or UINT64_MAX */
	struct order_p *p;   /* of p_id */
	struct order_g *g;   /* of g_id, if its id says so (R1) */
	bool seen;	     /* an event of it was judged, or named it */
};

enum order_gc { GC_UNKNOWN, GC_OFF, GC_ON };

struct order {
	struct idtab gs, ps, ms, tasks, names;
	struct order_g *free_gs;
	struct arena arena; /* goroutines, Ps, threads */
	size_t gs_max, names_dead;
	uint64_t gc_seq, first_gen;
	enum order_gc gc;
	struct order_event out[ORDER_OUT_MAX];
	uint64_t own_args[ORDER_OUT_MAX][EV_MAX_ARGS];
	unsigned out_cnt;
};

/* NULL: no memory. The id is new. */
struct order_g *order_g_add(struct order *o, uint64_t id, uint8_t status, uint64_t gen);
struct order_p *order_p_add(struct order *o, uint64_t id, uint8_t status, uint64_t gen);
void order_g_del(struct order *o, struct order_g *g);

/* 0, -EEXIST it is in flight, -ENOMEM. */
int order_range_add(struct order_ranges *r, uint8_t type, uint64_t desc);
bool order_range_has(const struct order_ranges *r, uint8_t type, uint64_t desc);
/* Ends the first of a type: 0 and its kind, or -ENOENT. */
int order_range_del(struct order_ranges *r, uint8_t type, uint64_t *ret_desc);

/* A reference to the name; given back by order_name_put. NULL: no memory. */
struct order_name *order_name_get(struct order *o, struct gotrace_str s, uint64_t hash);
void order_name_put(struct order *o, struct order_name *n);

#endif
