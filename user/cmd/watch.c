#include "cmd/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/parse.h"

enum state { ST_RUNNABLE, ST_BLOCKED, ST_RUNNING, ST_SYSCALL };

/* A goroutine's entry in one word: since when (58 bits: 9 years of uptime), whether told, state. */
struct entry {
	uint64_t since;
	unsigned state;
	bool told;
};

struct watch {
	const struct cond *conds;
	size_t cnt;
	struct model_texts block_reasons, stw_reasons;
	struct map gs;	    /* goid -> entry */
	struct map reasons; /* goid -> reason of its block; only while ST_BLOCKED */
	struct map assists; /* goid -> begin of its assist */
	uint64_t stw_ns, stw_g, stw_kind;
	bool stw_told, stw_over;
	uint64_t many; /* goroutines: conditions that were told, by bit */
	uint64_t unwatched;
	bool wants[COND_KINDS];
	bool states; /* any condition about a goroutine's state */
	enum rec_plan plan;
	bool paused;
};

static uint64_t pack(struct entry e)
{
	return e.since << 3 | (uint64_t)e.told << 2 | e.state;
}

static struct entry unpack(uint64_t v)
{
	return (struct entry){ .since = v >> 3, .told = v & 4, .state = (unsigned)(v & 3) };
}

struct watch *watch_new(const struct cond *conds, size_t cnt, struct model_texts block_reasons,
			struct model_texts stw_reasons)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->conds = conds;
	w->cnt = cnt;
	w->block_reasons = block_reasons;
	w->stw_reasons = stw_reasons;
	for (size_t i = 0; i < cnt; i++)
		w->wants[conds[i].kind] = true;
	w->states = w->wants[COND_RUNNABLE] || w->wants[COND_BLOCKED] || w->wants[COND_RUNNING] ||
		    w->wants[COND_SYSCALL];
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	map_done(&w->gs);
	map_done(&w->reasons);
	map_done(&w->assists);
	free(w);
}

static const char *text_of(const struct model_texts *t, uint64_t i)
{
	return i < t->cnt && t->v[i][0] ? t->v[i] : "unspecified";
}

static bool is_system(const char *reason)
{
	return strcmp(reason, "system goroutine wait") == 0 ||
	       strcmp(reason, "GC background sweeper wait") == 0 ||
	       strcmp(reason, "GC mark assist wait for work") == 0;
}

/* The first condition of a kind that a time of ns meets. */
static const struct cond *met(const struct watch *w, enum cond_kind kind, uint64_t ns,
			      const char *reason)
{
	if (!w->wants[kind] || !cond_shown(kind, w->plan))
		return NULL;
	for (size_t i = 0; i < w->cnt; i++) {
		const struct cond *c = &w->conds[i];

		if (c->kind != kind || ns <= c->limit)
			continue;
		if (kind != COND_BLOCKED ||
		    (c->reason[0] ? strcmp(c->reason, reason) == 0 : !is_system(reason)))
			return c;
	}
	return NULL;
}

static bool hit(struct watch_hit *ret, const struct cond *c, uint64_t ts, uint64_t goid,
		uint64_t ns, const char *did, const char *more)
{
	char t[PARSE_TEXT_MAX];

	if (!c)
		return false;
	ret->cond = c;
	ret->ts = ts;
	snprintf(ret->text, sizeof(ret->text), "%.80s: goroutine %" PRIu64 " %s %s%s%.60s%s",
		 c->text, goid, did, parse_fmt_ns(ns, t), more[0] ? " (" : "", more,
		 more[0] ? ")" : "");
	return true;
}

static const enum cond_kind kinds[] = {
	[ST_RUNNABLE] = COND_RUNNABLE,
	[ST_BLOCKED] = COND_BLOCKED,
	[ST_RUNNING] = COND_RUNNING,
	[ST_SYSCALL] = COND_SYSCALL,
};

static const char *const did[] = {
	[ST_RUNNABLE] = "was runnable for",
	[ST_BLOCKED] = "was blocked for",
	[ST_RUNNING] = "ran without a break for",
	[ST_SYSCALL] = "was in a syscall for",
};

/* goid's state ends at ts: is that a hit? */
static bool leave(struct watch *w, uint64_t goid, uint64_t ts, struct watch_hit *ret)
{
	const uint64_t *v = map_find(&w->gs, goid);
	const char *reason = "";
	struct entry e;
	uint64_t ns;

	if (!v)
		return false;
	e = unpack(*v);
	ns = ts > e.since ? ts - e.since : 0;
	if (e.state == ST_BLOCKED)
		reason = text_of(&w->block_reasons, map_get(&w->reasons, goid, 0));
	if (e.told)
		return false;
	return hit(ret, met(w, kinds[e.state], ns, reason), ts, goid, ns, did[e.state], reason);
}

/* goid goes into a state at ts; reason for ST_BLOCKED. */
static bool go(struct watch *w, uint64_t goid, unsigned state, uint64_t ts, uint64_t reason,
	       struct watch_hit *ret)
{
	struct entry e = { .since = ts, .state = state };
	bool is_hit;

	if (!goid)
		return false;
	is_hit = leave(w, goid, ts, ret);
	if (w->gs.cnt >= WATCH_GS && !map_find(&w->gs, goid)) {
		w->unwatched++;
		return is_hit;
	}
	/* Without memory it is as if nothing had been seen. */
	if (map_put(&w->gs, goid, pack(e)) < 0)
		w->unwatched++;
	if (state != ST_BLOCKED)
		map_del(&w->reasons, goid);
	else if (w->wants[COND_BLOCKED] && map_put(&w->reasons, goid, reason) < 0)
		w->unwatched++;
	return is_hit;
}

static bool end(struct watch *w, uint64_t goid, uint64_t ts, struct watch_hit *ret)
{
	bool is_hit = leave(w, goid, ts, ret);

	map_del(&w->gs, goid);
	map_del(&w->reasons, goid);
	map_del(&w->assists, goid);
	return is_hit;
}

/* A wake-up says nothing of a goroutine that was not blocked. */
static bool wake(struct watch *w, const struct rec *r, struct watch_hit *ret)
{
	const uint64_t *v = map_find(&w->gs, r->goid);

	if (v && unpack(*v).state == ST_RUNNABLE)
		return false;
	return go(w, r->goid, ST_RUNNABLE, r->ts, 0, ret);
}

static bool on_state(struct watch *w, const struct rec *r, struct watch_hit *ret)
{
	struct watch_hit other;
	bool a;

	switch (r->hook) {
	case HOOK_READY:
	case HOOK_INJECT:
		return wake(w, r, ret);
	case HOOK_CREATE:
	case HOOK_GOSCHED:
	case HOOK_SYSCALL_NOP:
		return go(w, r->goid, ST_RUNNABLE, r->ts, 0, ret);
	case HOOK_EXECUTE:
	case HOOK_SYSCALL_EXIT:
		return go(w, r->goid, ST_RUNNING, r->ts, 0, ret);
	case HOOK_PARK:
		return go(w, r->goid, ST_BLOCKED, r->ts, r->x, ret);
	case HOOK_PREEMPT_PARK:
		return go(w, r->goid, ST_BLOCKED, r->ts, UINT64_MAX, ret);
	case HOOK_SYSCALL_ENTER:
	case HOOK_SYSCALL_BLOCK:
		return go(w, r->goid, ST_SYSCALL, r->ts, 0, ret);
	case HOOK_EXIT:
		return end(w, r->goid, r->ts, ret);
	case HOOK_COROSWITCH:
		a = r->flags & REC_F_COROEXIT ? end(w, r->goid, r->ts, ret)
					      : go(w, r->goid, ST_BLOCKED, r->ts, UINT64_MAX, ret);
		return go(w, r->y, ST_RUNNING, r->ts, 0, a ? &other : ret) || a;
	default:
		return false;
	}
}

static bool stw_end(struct watch *w, const struct rec *r, struct watch_hit *ret)
{
	uint64_t ns = r->ts > w->stw_ns ? r->ts - w->stw_ns : 0;
	bool was = w->stw_ns && r->goid == w->stw_g && !w->stw_told;

	if (r->goid == w->stw_g)
		w->stw_ns = 0;
	return was && hit(ret, met(w, COND_STW, ns, ""), r->ts, r->goid, ns,
			  "stopped the world for", text_of(&w->stw_reasons, w->stw_kind));
}

static bool on_other(struct watch *w, const struct rec *r, struct watch_hit *ret)
{
	uint64_t from;

	switch (r->hook) {
	case HOOK_STW_BEGIN:
		w->stw_ns = r->ts;
		w->stw_g = r->goid;
		w->stw_kind = r->x;
		w->stw_told = w->stw_over = false;
		return false;
	case HOOK_STW_START:
		w->stw_over = true; /* but for some microseconds: it does not hang, should its end be lost */
		return false;
	case HOOK_STW_END:
		return stw_end(w, r, ret);
	case HOOK_ASSIST_BEGIN:
		/* One that begins again goes on (record.h). */
		if (w->wants[COND_ASSIST] && w->assists.cnt < WATCH_GS &&
		    map_put(&w->assists, r->goid, r->ts) < 0)
			w->unwatched++;
		return false;
	case HOOK_ASSIST_END:
		from = map_get(&w->assists, r->goid, 0);
		if (!from || !map_del(&w->assists, r->goid) || r->ts <= from)
			return false;
		return hit(ret, met(w, COND_ASSIST, r->ts - from, ""), r->ts, r->goid, r->ts - from,
			   "assisted the collector for", "");
	case HOOK_CALL:
		/* x counts the call conditions only. */
		for (size_t i = 0, n = 0; i < w->cnt; i++) {
			if (w->conds[i].kind != COND_CALL || n++ != r->x)
				continue;
			ret->cond = &w->conds[i];
			ret->ts = r->ts;
			snprintf(ret->text, sizeof(ret->text),
				 "%.150s: goroutine %" PRIu64 " entered it", w->conds[i].text,
				 r->goid);
			return true;
		}
		return false;
	default:
		return false;
	}
}

static void watch_forget(struct watch *w)
{
	map_reset(&w->gs);
	map_reset(&w->reasons);
	map_reset(&w->assists);
	w->stw_ns = 0;
}

/* From here on more is seen, or less, or an end may have been lost: what began before is not known. */
static bool on_own(struct watch *w, const struct rec *r)
{
	if (r->hook == HOOK_PLAN) {
		w->plan = (enum rec_plan)r->x;
		w->paused = r->y & REC_PLAN_PAUSED;
	}
	if (r->hook == HOOK_PLAN || r->hook == HOOK_SNAP_END || r->hook == HOOK_LOST)
		watch_forget(w);
	return false;
}

bool watch_record(struct watch *w, const struct rec *r, struct watch_hit *ret)
{
	struct watch_hit other;
	bool a;

	if (r->hook >= HOOK_BPF_END)
		return on_own(w, r);
	a = on_other(w, r, ret);
	if (!w->states)
		return a;
	return on_state(w, r, a ? &other : ret) || a;
}

static bool tick_gs(struct watch *w, uint64_t now_ns, struct watch_hit *ret)
{
	struct map_slot slot;

	for (size_t pos = 0; map_next(&w->gs, &pos, &slot);) {
		struct entry e = unpack(slot.val);
		uint64_t ns = now_ns > e.since ? now_ns - e.since : 0;

		if (e.told || e.state == ST_BLOCKED || ns <= WATCH_HANG_NS ||
		    !met(w, kinds[e.state], ns - WATCH_HANG_NS, ""))
			continue;
		e.told = true;
		*map_find(&w->gs, slot.key) = pack(e);
		return hit(ret, met(w, kinds[e.state], ns, ""), now_ns, slot.key, ns, did[e.state],
			   "and still is");
	}
	return false;
}

static bool tick_live(struct watch *w, uint64_t now_ns, uint64_t live, struct watch_hit *ret)
{
	for (size_t i = 0; i < w->cnt; i++) {
		const struct cond *c = &w->conds[i];

		if (c->kind != COND_GOROUTINES)
			continue;
		if (live <= c->limit) {
			/*
			 * Told again only after a real fall: not at each crossing of a flat curve.
			 */
			if (live <= c->limit - c->limit / 10)
				w->many &= ~(1ULL << i);
			continue;
		}
		if (w->many & 1ULL << i)
			continue;
		w->many |= 1ULL << i;
		ret->cond = c;
		ret->ts = now_ns;
		snprintf(ret->text, sizeof(ret->text), "%.80s: there are %" PRIu64 " goroutines",
			 c->text, live);
		return true;
	}
	return false;
}

bool watch_tick(struct watch *w, uint64_t now_ns, uint64_t live, struct watch_hit *ret)
{
	uint64_t ns = now_ns > w->stw_ns ? now_ns - w->stw_ns : 0;

	if (w->paused)
		return false;
	if (w->wants[COND_GOROUTINES] && tick_live(w, now_ns, live, ret))
		return true;
	if (w->stw_ns && !w->stw_told && !w->stw_over && ns > WATCH_HANG_NS &&
	    met(w, COND_STW, ns - WATCH_HANG_NS, "")) {
		w->stw_told = true;
		return hit(ret, met(w, COND_STW, ns, ""), now_ns, w->stw_g, ns,
			   "has stopped the world for", text_of(&w->stw_reasons, w->stw_kind));
	}
	return w->states && tick_gs(w, now_ns, ret);
}

size_t watch_bytes(const struct watch *w)
{
	size_t each = sizeof(struct map_slot) + 1;

	return (w->gs.cap + w->reasons.cap + w->assists.cap) * each;
}

uint64_t watch_unwatched(const struct watch *w)
{
	return w->unwatched;
}
