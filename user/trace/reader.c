#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/readerstate.h"

/*
 * Which arguments are a stack and a string that must be there, if one is; more: another one, too.
 * Rare kinds apart, looking for what is not there is cheaper than asking whether it is.
 */
struct refs {
	uint8_t stack, str;
	bool has_stack, has_str, more;
};

static const struct refs refs[EV_TABLE_LEN] = {
	[EV_PROCS_CHANGE] = { .stack = 1, .has_stack = true },
	[EV_GO_CREATE] = { .stack = 2, .has_stack = true, .more = true },
	[EV_GO_CREATE_BLOCKED] = { .stack = 2, .has_stack = true, .more = true },
	[EV_GO_STOP] = { .stack = 1, .has_stack = true, .str = 0, .has_str = true },
	[EV_GO_BLOCK] = { .stack = 1, .has_stack = true, .str = 0, .has_str = true },
	[EV_GO_UNBLOCK] = { .stack = 2, .has_stack = true },
	[EV_GO_SYSCALL_BEGIN] = { .stack = 1, .has_stack = true },
	[EV_GO_STATUS_STACK] = { .stack = 3, .has_stack = true },
	[EV_STW_BEGIN] = { .stack = 1, .has_stack = true, .str = 0, .has_str = true },
	[EV_GC_BEGIN] = { .stack = 1, .has_stack = true },
	[EV_GC_SWEEP_BEGIN] = { .stack = 0, .has_stack = true },
	[EV_GC_MARK_ASSIST_BEGIN] = { .stack = 0, .has_stack = true },
	[EV_GO_LABEL] = { .str = 0, .has_str = true },
	[EV_USER_TASK_BEGIN] = { .stack = 3, .has_stack = true, .str = 2, .has_str = true },
	[EV_USER_TASK_END] = { .stack = 1, .has_stack = true },
	[EV_USER_REGION_BEGIN] = { .stack = 2, .has_stack = true, .str = 1, .has_str = true },
	[EV_USER_REGION_END] = { .stack = 2, .has_stack = true, .str = 1, .has_str = true },
	[EV_USER_LOG] = { .stack = 3, .has_stack = true, .str = 1, .has_str = true, .more = true },
	[EV_CPU_SAMPLE] = { .stack = 0, .has_stack = true },
	[EV_STW_END] = { .more = true },
};

int reader_new(struct source *s, bool ahead, struct reader **ret_r, struct diag *d)
{
	struct reader *r = calloc(1, sizeof(*r));
	size_t have = source_need(s, EV_HEADER_LEN);
	const uint8_t *p;
	int err;

	if (have < EV_HEADER_LEN && s->err) {
		err = diag_set_at(d, have, s->err, "cannot read: %s", source_why(s));
		goto fail;
	}
	err = -ENOMEM;
	diag_set(d, err, "no memory");
	if (!r)
		goto fail;
	r->order = order_new();
	if (!r->order)
		goto fail;
	err = cursor_header(s->p, have, &r->version, d);
	if (err < 0)
		goto fail;
	err = source_take(s, EV_HEADER_LEN, &r->own.own, &p);
	r->src = *s;
	*s = (struct source){ .fd = -1 };
	if (err < 0)
		goto fail;
	if (ahead) {
		err = ahead_new(&r->src, r->version, &r->ahead, d);
		if (err < 0)
			goto fail;
	}
	*ret_r = r;
	return 0;
fail:
	source_done(s);
	reader_free(r);
	return err;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	ahead_free(r->ahead);
	gen_done(&r->own);
	order_free(r->order);
	frontier_done(&r->f);
	if (r->version)
		source_done(&r->src);
	free(r);
}

/* --- failing ---------------------------------------------------------------------------------- */

/* E5 */
static int reader_fail(struct reader *r, int err)
{
	r->err = err;
	r->phase = PHASE_FAILED;
	r->out_left = 0;
	return err;
}

/* A rule is broken at off. If the file is damaged behind this generation, that may be why. */
static __attribute__((cold, noinline)) int reader_fail_at(struct reader *r, int err, uint64_t off)
{
	const struct diag *after = &r->gen->after_diag;

	diag_prefix(&r->why, err, "generation %llu", (unsigned long long)r->gen->gen);
	if (r->gen->after) {
		struct diag rule = r->why;

		diag_set(&r->why, err, "%.280s; and the file is damaged at offset %llu: %.120s",
			 rule.text, (unsigned long long)after->off, after->text);
	}
	r->why.off = off;
	return reader_fail(r, err);
}

/* A table lacks what an event names: if the file is damaged behind, that is where it was. */
static __attribute__((cold, noinline)) int reader_fail_ref(struct reader *r,
							   const struct order_event *ev,
							   const char *what, uint64_t off)
{
	if (r->gen->after) {
		r->why = r->gen->after_diag;
		return reader_fail(r, r->gen->after);
	}
	diag_set(&r->why, -EBADMSG, "%s names a %s that the generation does not have",
		 evspec_table[ev->type].name, what);
	return reader_fail_at(r, -EBADMSG, off);
}

/* --- giving ----------------------------------------------------------------------------------- */

static void reader_clock(struct reader *r, int64_t *time_ns)
{
	/* E3 */
	if (*time_ns <= r->last_ns)
		*time_ns = (int64_t)((uint64_t)r->last_ns + 1);
	r->last_ns = *time_ns;
}

static int reader_give_sync(struct reader *r, int64_t time_ns, struct reader_event *ret_ev)
{
	r->sync = (struct order_event){
		.type = ORDER_SYNC, .time_ns = time_ns, .m = -1, .p = -1, .g = -1
	};
	reader_clock(r, &r->sync.time_ns);
	*ret_ev = (struct reader_event){ .ev = &r->sync, .gen = r->gen, .syncs = ++r->syncs };
	return 1;
}

/* The references that few kinds of events have. */
static __attribute__((noinline)) int reader_more_refs(struct reader *r, struct order_event *ev,
						      uint64_t off, struct reader_event *ret_ev)
{
	if (ev->type == EV_STW_END) {
		ret_ev->str = gen_str_get(r->gen, ev->args[0]); /* NULL: of an earlier generation */
	} else if (ev->type == EV_USER_LOG) {
		ret_ev->str2 = gen_str_get(r->gen, ev->args[2]);
		if (!ret_ev->str2)
			return reader_fail_ref(r, ev, "string", off);
	} else {
		ret_ev->other = gen_stack_get(r->gen, ev->args[1]);
		if (!ret_ev->other && ev->args[1])
			return reader_fail_ref(r, ev, "stack", off);
	}
	return 0;
}

/*
 * E4. Fields are stored one by one: a copy of a struct just built would wait for its stores.
 * args[0] may be read where an event has none: it is masked.
 */
static inline __attribute__((always_inline)) int reader_give(struct reader *r,
							     struct order_event *ev, uint64_t off,
							     struct reader_event *ret_ev)
{
	const struct refs *f = &refs[ev->type];
	uint64_t stack = ev->args[f->stack] & -(uint64_t)f->has_stack;
	uint64_t str = ev->args[f->str] & -(uint64_t)f->has_str;

	ret_ev->ev = ev;
	ret_ev->gen = r->gen;
	ret_ev->stack = gen_stack_get(r->gen, stack);
	ret_ev->str = gen_str_get(r->gen, str);
	ret_ev->other = NULL;
	if (__builtin_expect(!ret_ev->stack && stack, 0))
		return reader_fail_ref(r, ev, "stack", off);
	if (__builtin_expect(!ret_ev->str, 0))
		return reader_fail_ref(r, ev, "string", off);
	if (f->more) {
		int err = reader_more_refs(r, ev, off, ret_ev);

		if (err < 0)
			return err;
	}
	reader_clock(r, &ev->time_ns);
	return 1;
}

static inline __attribute__((always_inline)) int reader_give_out(struct reader *r, uint64_t off,
								 struct reader_event *ret_ev)
{
	r->out_left--;
	return reader_give(r, r->out++, off, ret_ev);
}

static void sample_seek(struct reader *r)
{
	const struct gen *g = r->gen;

	r->sample_ns = r->sample < g->sample_cnt ? g->samples[r->sample].time_ns : INT64_MAX;
}

static int reader_give_sample(struct reader *r, struct reader_event *ret_ev)
{
	const struct gen_sample *s = &r->gen->samples[r->sample++];

	sample_seek(r);
	r->sample_stack = s->stack;
	r->sample_ev = (struct order_event){ .type = EV_CPU_SAMPLE,
					     .time_ns = s->time_ns,
					     .m = s->m,
					     .p = s->p,
					     .g = s->g,
					     .args = &r->sample_stack };
	return reader_give(r, &r->sample_ev, s->off, ret_ev);
}

/* --- generations ------------------------------------------------------------------------------ */

static int reader_install(struct reader *r, struct gen *g, struct reader_event *ret_ev)
{
	const char *why = NULL;
	uint64_t off = 0;
	int err;

	r->gen = g;
	r->generations++;
	r->bytes = g->base + g->len;
	if (g->len > r->gen_bytes_max)
		r->gen_bytes_max = g->len;
	r->sample = 0;
	sample_seek(r);
	order_sweep(r->order);
	err = frontier_fill(&r->f, g, &why, &off);
	if (err < 0) {
		diag_set(&r->why, err, "%s", why);
		return reader_fail_at(r, err, off);
	}
	r->phase = PHASE_EVENTS;
	return reader_give_sync(r, cursor_ns(g->mul, g->min_ts), ret_ev);
}

static int reader_load(struct reader *r, struct reader_event *ret_ev)
{
	struct gen *g = &r->own;
	int rc;

	if (r->gen && r->gen->after) {
		rc = r->gen->after;
		r->why = r->gen->after_diag;
	} else if (r->ahead) {
		rc = ahead_get(r->ahead, &g, &r->why);
	} else {
		rc = gen_load(g, &r->src, r->version, !r->generations, &r->why);
	}
	if (rc > 0)
		return reader_install(r, g, ret_ev);
	/* A SYNC ends what was read, whether by an error or not. */
	r->gen = NULL;
	r->err = rc;
	r->phase = rc < 0 ? PHASE_FAILED : PHASE_DONE;
	return reader_give_sync(r, r->last_ns, ret_ev);
}

/* --- merging ---------------------------------------------------------------------------------- */

static int reader_meet(struct reader *r, struct frontier_cur *c)
{
	c->om = order_m_get(r->order, c->m);
	return c->om ? 0 : reader_fail(r, diag_set(&r->why, -ENOMEM, "no memory"));
}

static bool sample_is_next(const struct reader *r)
{
	return r->sample < r->gen->sample_cnt &&
	       (!r->f.cnt || r->sample_ns < r->f.heap[0].time_ns);
}

/* W1, W2 */
void reader_turn_end(struct reader *r)
{
	struct frontier *f = &r->f;

	f->heap[0].time_ns = r->cur->c.ev->time_ns;
	if (f->heap[0].time_ns > r->limit_ns)
		frontier_sink(f);
	r->cur = NULL;
}

/* W1 but for what is asked here. */
static inline struct frontier_cur *turn_of_first(struct reader *r)
{
	const struct frontier_ent *h = r->f.heap;
	int64_t rival;

	if (!h[0].cur->om || r->sample_ns < h[0].time_ns)
		return r->cur = NULL;
	rival = frontier_rival_ns(&r->f);
	r->limit_ns = rival < r->sample_ns ? rival : r->sample_ns;
	if (!h[0].cur->c.plain)
		plain_prepare(&h[0].cur->c, r->gen, r->order);
	return r->cur = h[0].cur;
}

struct frontier_cur *reader_turn(struct reader *r)
{
	if (r->cur) {
		r->f.heap[0].time_ns = r->cur->c.ev->time_ns;
		frontier_sink(&r->f);
		return turn_of_first(r);
	}
	if (r->phase != PHASE_EVENTS || r->out_left || !r->f.cnt)
		return NULL;
	return turn_of_first(r);
}

bool reader_refill(struct reader *r)
{
	struct frontier_cur *c = r->cur;
	const char *why;
	int rc = frontier_decode(c, r->gen, &why);

	if (rc > 0) {
		plain_prepare(&c->c, r->gen, r->order);
		return true;
	}
	r->cur = NULL;
	if (rc < 0) {
		diag_set(&r->why, rc, "%s", why);
		reader_fail_at(r, rc, frontier_bad_off(c));
		return false;
	}
	frontier_remove(&r->f, 0);
	reader_turn(r);
	return true;
}

/* Lets the i-th of the frontier go on, if it may. 1, 0 or -errno. */
static inline __attribute__((always_inline)) int reader_try(struct reader *r, size_t i,
							    uint64_t *ret_off)
{
	struct frontier_cur *c = r->f.heap[i].cur;
	const char *why;
	int rc;

	if (!c->om && c->m != TRACE_NO_M && reader_meet(r, c) < 0)
		return r->err;
	*ret_off = frontier_off(c);
	rc = order_advance(r->order, r->gen, c->om, frontier_ev(c), &r->out, &r->why);
	if (rc <= 0)
		return rc ? reader_fail_at(r, rc, *ret_off) : 0;
	r->out_left = rc;
	rc = frontier_step(&r->f, r->gen, i, &why);
	if (rc < 0) {
		diag_set(&r->why, rc, "%s", why);
		return reader_fail_at(r, rc, frontier_bad_off(c));
	}
	return 1;
}

static int reader_stuck(struct reader *r)
{
	const struct frontier_cur *c = r->f.heap[0].cur;
	struct diag why;

	order_why(r->order, c->om, c->c.ev, &why);
	diag_set(&r->why, -EBADMSG,
		 "no thread of %zu can go on; the first in time, %lld, waits: %s", r->f.cnt,
		 (long long)c->m, why.text);
	return reader_fail_at(r, -EBADMSG, frontier_off(c));
}

/* Rare: not the first of the frontier, but another one. A sorted array is a heap, too. */
static __attribute__((noinline)) int reader_try_others(struct reader *r, uint64_t *ret_off)
{
	int rc = 0;

	frontier_sort(&r->f);
	for (size_t i = 1; i < r->f.cnt && !rc; i++)
		rc = reader_try(r, i, ret_off);
	return rc ? rc : reader_stuck(r);
}

/* Between events of one generation, or of none. */
static __attribute__((noinline)) int reader_next_slow(struct reader *r, struct reader_event *ret_ev)
{
	if (r->out_left)
		return reader_give_out(r, r->gen->base, ret_ev);
	if (r->phase == PHASE_EVENTS && r->sample < r->gen->sample_cnt)
		return reader_give_sample(r, ret_ev);
	if (r->phase == PHASE_FAILED)
		return r->err;
	return r->phase == PHASE_DONE ? 0 : reader_load(r, ret_ev);
}

int reader_next(struct reader *r, struct reader_event *ret_ev, struct diag *d)
{
	uint64_t off;
	int rc;

	if (r->cur)
		reader_turn_end(r);
	if (r->out_left || r->phase != PHASE_EVENTS || !r->f.cnt || sample_is_next(r)) {
		rc = reader_next_slow(r, ret_ev);
	} else {
		rc = reader_try(r, 0, &off);
		if (!rc)
			rc = reader_try_others(r, &off);
		if (rc > 0)
			rc = reader_give_out(r, off, ret_ev);
	}
	if (rc < 0 && d)
		*d = r->why;
	return rc;
}

unsigned reader_get_version(const struct reader *r)
{
	return r->version;
}

void reader_get_stats(const struct reader *r, struct reader_stats *ret_stats)
{
	*ret_stats = (struct reader_stats){
		.bytes = r->generations ? r->bytes : EV_HEADER_LEN,
		.generations = r->generations,
		.gen_bytes_max = r->gen_bytes_max,
		.gen = r->gen ? r->gen->gen : 0,
	};
	order_get_counts(r->order, &ret_stats->counts);
}
