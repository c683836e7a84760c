/*
 * pools.h - channels whose two sides are out of balance: sends that block here while nobody
 * receives, receives that starve there while nobody sends.
 *
 * A trace has no channel addresses. But a goroutine that blocked in a send is woken by the one that
 * receives: the two places work on one channel, and all places linked so are one pool.
 *
 * L1  A place is the first frame outside of the runtime: function and line.
 * L2  Places are linked only by plain sends and receives: a select serves many channels.
 */
#ifndef REPORT_POOLS_H
#define REPORT_POOLS_H

#include "report/goros.h"
#include "report/tab.h"

struct pool_place {
	uint64_t key;
	uint32_t func, file;
	uint32_t line;
	uint32_t up;		  /* another place of the same pool + 1, or 0: the pool's head */
	int64_t send_ns, recv_ns; /* blocked here; while reading */
	uint64_t send_cnt, recv_cnt;
	uint64_t sent, received;      /* others woken from here */
	int64_t pool_send, pool_recv; /* of all places of the pool; the head's, after finish */
	int64_t pool_ns;	      /* their sum */
};

struct pools {
	struct tab places;   /* struct pool_place */
	struct map by_stack; /* stack -> place + 1; 0: none */
	uint32_t send, recv; /* the reasons' names */
	bool failed;
};

/* 0 or -ENOMEM. */
int pools_init(struct pools *p, struct intern *in);
void pools_done(struct pools *p);
void pools_restart(struct pools *p);
void pools_feed(struct pools *p, const struct gotrace_event *ev, const struct stint *st,
		struct intern *in);
/* Adds the waits that are open at t, and sums up by pool. Before goros_finish. */
void pools_finish(struct pools *p, const struct goros *gs, struct intern *in, int64_t t);

/* The head of a place's pool. */
struct pool_place *pools_head(const struct pools *p, struct pool_place *at);

#endif
