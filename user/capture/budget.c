#include "capture/budget.h"

#include <math.h>
#include <string.h>

#define MS 1000000ULL
#define SEC 1000000000ULL

static const uint64_t WINDOW_NS = 100 * MS;
static const uint64_t FADE_NS = 10 * SEC;
static const uint64_t PAUSE_MIN_NS = SEC, LOOK_MAX_NS = 2 * SEC;
static const uint64_t PATIENCE_NS = 3 * SEC, PATIENCE_MAX_NS = 96 * SEC;
static const uint64_t LASTED_NS = 30 * SEC; /* a step up that lasts so long was right */
static const uint64_t CALM_NS = 60 * SEC;
static const double BUDGET_FLOOR = 0.1;   /* B1 */
static const double BUDGET_LEAST = 0.005; /* nobody is taken to use less: it is divided by */
static const double DOWN_TO = 0.9, UP_TO = 0.7;
static const double AT_ONCE = 3; /* times the budget: no second window is waited for */
/* Seconds of the budget that may be overspent: before a step down, and by a look. */
static const double BURST = 0.25, LOOK = 0.85;
static const double AIM = 0.85;	 /* of the budget, for the mean of a paused recording */

void budget_init(struct budget *b, const struct budget_opts *o)
{
	*b = (struct budget){ .opts = *o,
			      .rung = o->first,
			      .fresh = true,
			      .patience_ns = PATIENCE_NS };
	if (b->opts.plain <= 0 || b->opts.plain > 1)
		b->opts.plain = 1;
}

/* What a time held, each a second of it. */
struct window {
	double secs, own, counted; /* own: CPU time without us; counted: B1 */
	double cost, hits, share;
	double part_cost[PART_COUNT], part_hits[PART_COUNT];
};

static void window_of(const struct budget_sample *from, const struct budget_sample *to,
		      struct window *w)
{
	double secs = (double)(to->now_ns - from->now_ns) / 1e9;

	*w = (struct window){ .secs = secs,
			      .cost = (double)(to->other_ns - from->other_ns) / 1e9 / secs };
	for (unsigned i = 0; i < PART_COUNT; i++) {
		w->part_hits[i] = (double)(to->parts[i].hits - from->parts[i].hits) / secs;
		w->part_cost[i] = (double)(to->parts[i].ns - from->parts[i].ns) / 1e9 / secs;
		w->cost += w->part_cost[i];
		w->hits += w->part_hits[i];
	}
	w->own = fmax((double)(to->cpu_ns - from->cpu_ns) / 1e9 / secs - w->cost, BUDGET_LEAST);
	w->counted = fmax(w->own, BUDGET_FLOOR);
	w->share = w->cost / w->counted;
}

static bool has(enum plan_rung r, unsigned part)
{
	return plan_rung_parts(r) & 1U << part;
}

static bool rung_exists(const struct budget *b, enum plan_rung r)
{
	if (r == RUNG_CALLS && !b->opts.syscalls)
		return false;
	return r >= b->opts.first && r < RUNG_PAUSED;
}

/* As on the first rung: with stacks, unless that has none. */
static double wake_price(const struct budget *b, enum plan_rung r)
{
	return budget_plain(r, b->opts.first) ? b->opts.plain : 1;
}

static void learn(struct budget *b, const struct window *w, uint64_t now_ns)
{
	b->own = w->own;
	for (unsigned i = 0; i < PART_COUNT; i++) {
		struct budget_part *p = &b->parts[i];
		double cost = w->part_cost[i], keep = p->at_ns + SEC > now_ns ? 0.5 : 0;

		if (!has(b->rung, i))
			continue;
		if (i == PART_WAKES)
			cost /= wake_price(b, b->rung);
		p->cost = p->cost * keep + cost * (1 - keep);
		p->hits = p->hits * keep + w->part_hits[i] * (1 - keep);
		p->own = p->own * keep + w->own * (1 - keep);
		p->at_ns = now_ns;
	}
}

/* What a part would be now if it were attached; B2. */
static struct budget_part recall(const struct budget *b, unsigned part, uint64_t now_ns)
{
	double fade = (double)FADE_NS * ((double)b->patience_ns / (double)PATIENCE_NS), by;
	struct budget_part p = b->parts[part];

	/* Never seen: a start for each stop. */
	if (!p.at_ns && part == PART_EXECUTE)
		p = b->parts[PART_STOPS];
	if (!p.at_ns || has(b->rung, part))
		return p;
	by = exp2(-(double)(now_ns - p.at_ns) / fade) * b->own / p.own;
	p.cost *= by;
	p.hits *= by;
	return p;
}

/* How much of the budget a rung would use: 1 is all of it. */
static double load_of(const struct budget *b, enum plan_rung r, uint64_t now_ns, bool *ret_rate)
{
	double cost = 0, rate = 0, by_share = 0, by_rate = 0;

	for (unsigned i = 0; i < PART_COUNT; i++) {
		struct budget_part p = recall(b, i, now_ns);

		if (!has(r, i) || (i == PART_SYSCALLS && !b->opts.syscalls))
			continue;
		cost += i == PART_WAKES ? p.cost * wake_price(b, r) : p.cost;
		rate += p.hits;
	}
	if (b->opts.max_share > 0)
		by_share = cost / fmax(b->own, BUDGET_FLOOR) / b->opts.max_share;
	if (b->opts.max_rate)
		by_rate = rate / (double)b->opts.max_rate;
	if (ret_rate)
		*ret_rate = by_rate > by_share;
	return fmax(by_share, by_rate);
}

static enum plan_rung first_below(const struct budget *b, enum plan_rung from, double load,
				  uint64_t now_ns)
{
	for (enum plan_rung r = from; r < RUNG_PAUSED; r++)
		if (rung_exists(b, r) && load_of(b, r, now_ns, NULL) <= load)
			return r;
	return RUNG_PAUSED;
}

static bool move(struct budget *b, enum plan_rung to, enum budget_cause cause, uint64_t now_ns,
		 struct budget_move *ret)
{
	*ret = (struct budget_move){ .from = b->rung, .to = to, .cause = cause, .share = b->share,
				     .rate = b->rate, .since_ns = now_ns - b->since_ns };
	b->rung = to;
	b->since_ns = now_ns;
	b->up_since_ns = 0;
	b->fresh = true;
	b->steps++;
	b->pauses += to == RUNG_PAUSED;
	return true;
}

/* What was spent over the budget so far, and less by what was not spent. */
static void account(struct budget *b, const struct budget_sample *s)
{
	struct window w;

	if (!b->last.now_ns || s->now_ns <= b->last.now_ns) {
		b->last = *s;
		return;
	}
	window_of(&b->last, s, &w);
	b->rung_ns[b->rung] += s->now_ns - b->last.now_ns;
	b->last = *s;
	if (b->opts.max_share > 0)
		b->debt_ns = fmax(0, b->debt_ns + (w.cost - AIM * b->opts.max_share * w.counted) *
							  w.secs * 1e9);
	if (b->opts.max_rate)
		b->debt_hits = fmax(0, b->debt_hits + (w.hits - AIM * (double)b->opts.max_rate) *
							      w.secs);
}

static bool step_down(struct budget *b, uint64_t now_ns, bool by_rate, struct budget_move *ret)
{
	enum plan_rung to = first_below(b, b->rung + 1, DOWN_TO, now_ns);

	if (b->stepped_up_ns && now_ns - b->stepped_up_ns < LASTED_NS &&
	    b->patience_ns < PATIENCE_MAX_NS)
		b->patience_ns *= 2;
	b->stepped_up_ns = 0;
	b->looking = false;
	b->good_looks = 0;
	return move(b, to, by_rate ? BUDGET_RATE : BUDGET_COST, now_ns, ret);
}

static bool step_up(struct budget *b, uint64_t now_ns, struct budget_move *ret)
{
	enum plan_rung to = first_below(b, b->opts.first, UP_TO, now_ns);

	if (b->stepped_up_ns && now_ns - b->stepped_up_ns > CALM_NS)
		b->patience_ns = PATIENCE_NS;
	if (to >= b->rung) {
		b->up_since_ns = 0;
		return false;
	}
	if (!b->up_since_ns) {
		b->up_since_ns = now_ns;
		b->up_to = to;
	}
	if (to > b->up_to)
		b->up_to = to;
	if (now_ns - b->up_since_ns < b->patience_ns)
		return false;
	b->stepped_up_ns = now_ns;
	return move(b, b->up_to, BUDGET_ROOM, now_ns, ret);
}

/* More was spent than allowed, lately, by so many seconds of the budget. */
static bool overspent(const struct budget *b, const struct window *w, double secs)
{
	return (b->opts.max_share > 0 &&
		b->debt_ns >= secs * b->opts.max_share * w->counted * 1e9) ||
	       (b->opts.max_rate && b->debt_hits >= secs * (double)b->opts.max_rate);
}

/*
 * A look goes on until a pause of a second is due for it. One that needs none has found a rung to stay
 * on; else it is the pause again, unless a rung was cheap enough twice.
 */
static bool look(struct budget *b, const struct window *w, uint64_t now_ns, struct budget_move *ret)
{
	enum plan_rung to;

	if (!overspent(b, w, LOOK)) {
		if (now_ns - b->since_ns < LOOK_MAX_NS)
			return false;
		b->looking = false;
		b->good_looks = 0;
		b->stepped_up_ns = now_ns;
		return false;
	}
	to = first_below(b, b->opts.first, UP_TO, now_ns);
	b->good_looks = to < RUNG_PAUSED ? b->good_looks + 1 : 0;
	b->looking = false;
	if (b->good_looks < 2)
		return move(b, RUNG_PAUSED, BUDGET_PAID, now_ns, ret);
	b->good_looks = 0;
	b->stepped_up_ns = now_ns;
	return to != b->rung && move(b, to, BUDGET_ROOM, now_ns, ret);
}

static bool paused(struct budget *b, uint64_t now_ns, struct budget_move *ret)
{
	if (b->debt_ns > 0 || b->debt_hits > 0 || now_ns - b->since_ns < PAUSE_MIN_NS)
		return false;
	b->looking = true;
	b->looks++;
	return move(b, b->opts.first, BUDGET_LOOK, now_ns, ret);
}

bool budget_step(struct budget *b, const struct budget_sample *s, struct budget_move *ret)
{
	struct window w;
	bool by_rate = false;
	double load, at_once;

	if (!b->since_ns)
		b->since_ns = s->now_ns;
	account(b, s);
	if (b->rung == RUNG_PAUSED)
		return paused(b, s->now_ns, ret);
	if (b->fresh) {
		b->fresh = false;
		b->window = *s;
		return false;
	}
	if (s->now_ns - b->window.now_ns < WINDOW_NS)
		return false;
	window_of(&b->window, s, &w);
	b->window = *s;
	b->share = w.share;
	b->rate = (uint64_t)w.hits;
	learn(b, &w, s->now_ns);
	if (b->looking)
		return look(b, &w, s->now_ns, ret);
	load = load_of(b, b->rung, s->now_ns, &by_rate);
	at_once = b->opts.max_share > 0 ? w.share / b->opts.max_share : 0;
	if (load > 1 && (at_once > AT_ONCE || overspent(b, &w, BURST)))
		return step_down(b, s->now_ns, by_rate, ret);
	return step_up(b, s->now_ns, ret);
}
