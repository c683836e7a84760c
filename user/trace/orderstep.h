/*
 * orderstep.h - one judgement: the event, its thread, and what all rules ask for.
 * A part of order.c and ordernote.c on its own; nobody else includes it. Inline: a judgement is
 * made for each event, and what it asks for is known when a rule is compiled.
 */
#ifndef TRACE_ORDERSTEP_H
#define TRACE_ORDERSTEP_H

#include <errno.h>
#include <string.h>

#include "trace/orderstate.h"

/* What is judged: an event, its thread, the tables it refers to. */
struct step {
	const struct gen *gen;
	struct order_m *m; /* NULL: of no thread */
	const struct cursor_event *ev;
	struct diag *d;
};

extern const char *const order_go_words[], *const order_proc_words[]; /* by status */

#define ULL(v) ((unsigned long long)(v))

/* "Event: sentence". */
#define step_fail(s, ...) order_step_fail(s, diag_set((s)->d, -EBADMSG, __VA_ARGS__))

int order_step_fail(const struct step *s, int err) __attribute__((cold));

static inline int step_nomem(const struct step *s)
{
	return diag_set(s->d, -ENOMEM, "no memory");
}

/* An event that may come, with the arguments of the file. Before anything changes (O4). */
static inline struct order_event *step_emit(struct order *o, const struct step *s, uint8_t type)
{
	struct order_event *e = &o->out[o->out_cnt++];

	e->type = type;
	e->time_ns = s->ev->time_ns;
	e->m = s->m ? (int64_t)s->m->id : -1;
	e->p = s->m ? (int64_t)s->m->p_id : -1;
	e->g = s->m ? (int64_t)s->m->g_id : -1;
	e->args = s->ev->args;
	return e;
}

/* An event whose arguments are not those of the file: *ret_args, all 0 now. */
static inline struct order_event *step_emit_own(struct order *o, const struct step *s, uint8_t type,
						uint64_t **ret_args)
{
	struct order_event *e = step_emit(o, s, type);
	uint64_t *args = o->own_args[e - o->out];

	memset(args, 0, sizeof(o->own_args[0]));
	e->args = args;
	*ret_args = args;
	return e;
}

static inline struct order_g *find_g(const struct order *o, uint64_t id)
{
	return idtab_find(&o->gs, id);
}

static inline struct order_p *find_p(const struct order *o, uint64_t id)
{
	return idtab_find(&o->ps, id);
}

/* The thread's goroutine, or NULL: it has none, or that one is gone. */
static inline struct order_g *m_g(const struct order *o, struct order_m *m)
{
	if (m->g && m->g->id == m->g_id)
		return m->g;
	if (m->g_id == TRACE_NO_G)
		return NULL;
	return m->g = find_g(o, m->g_id);
}

static inline void m_set_g(struct order_m *m, struct order_g *g)
{
	m->g = g;
	m->g_id = g ? g->id : TRACE_NO_G;
}

static inline void m_set_p(struct order_m *m, struct order_p *p)
{
	m->p = p;
	m->p_id = p ? p->id : UINT64_MAX;
}

/* O3 */
static inline bool seq_ok(uint64_t old_gen, uint64_t old_seq, const struct step *s, uint64_t seq)
{
	return old_gen == s->gen->gen && seq == old_seq + 1;
}

static inline bool is_first_gen(const struct order *o, const struct step *s)
{
	return s->gen->gen == o->first_gen;
}

/* What an event needs of its thread. */
enum { NEED_M = 1, NEED_P = 2, NEED_G = 4, NO_G = 8, NEED_MP = 3, NEED_MPG = 7 };

static inline int step_need(const struct step *s, unsigned need)
{
	const struct order_m *m = s->m;

	if (!m)
		return need ? step_fail(s, "stands in a batch of no thread") : 0;
	if ((need & NEED_P) && m->p_id == UINT64_MAX)
		return step_fail(s, "thread %llu has no P", ULL(m->id));
	if ((need & NEED_G) && m->g_id == TRACE_NO_G)
		return step_fail(s, "thread %llu has no goroutine", ULL(m->id));
	if ((need & NO_G) && m->g_id != TRACE_NO_G)
		return step_fail(s, "thread %llu has goroutine %llu already", ULL(m->id),
				 ULL(m->g_id));
	return 0;
}

/* The thread's goroutine, in this state. 0 or -EBADMSG. */
static inline int step_g_in(struct order *o, const struct step *s, uint8_t status,
			    struct order_g **ret_g)
{
	struct order_g *g = m_g(o, s->m);

	if (!g)
		return step_fail(s, "goroutine %llu does not exist", ULL(s->m->g_id));
	if (g->status != status)
		return step_fail(s, "goroutine %llu is %s, not %s", ULL(g->id),
				 order_go_words[g->status], order_go_words[status]);
	*ret_g = g;
	return 0;
}

/* The rules of ordernote.c: tasks, regions, ranges, and what only needs to be somewhere. */
int order_gc_active(struct order *o, const struct step *s);
int order_gc_begin(struct order *o, const struct step *s);
int order_gc_end(struct order *o, const struct step *s);
int order_sweep_begin(struct order *o, const struct step *s);
int order_sweep_active(struct order *o, const struct step *s);
int order_sweep_end(struct order *o, const struct step *s);
int order_range_begin(struct order *o, const struct step *s);
int order_assist_active(struct order *o, const struct step *s);
int order_range_end(struct order *o, const struct step *s);
int order_task_begin(struct order *o, const struct step *s);
int order_task_end(struct order *o, const struct step *s);
int order_region_begin(struct order *o, const struct step *s);
int order_region_end(struct order *o, const struct step *s);

#endif
