#include "trace/order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "trace/orderstate.h"

/* What is judged: an event, its thread, the tables it refers to. */
struct step {
	const struct gen *gen;
	struct order_m *m; /* NULL: of no thread */
	const struct cursor_event *ev;
	struct diag *d;
};

static const uint8_t go_state_of[] = {
	[TRACE_GO_BAD] = GOTRACE_GO_UNDETERMINED, [TRACE_GO_RUNNABLE] = GOTRACE_GO_RUNNABLE,
	[TRACE_GO_RUNNING] = GOTRACE_GO_RUNNING,  [TRACE_GO_SYSCALL] = GOTRACE_GO_SYSCALL,
	[TRACE_GO_WAITING] = GOTRACE_GO_WAITING,
};

static const uint8_t proc_state_of[] = {
	[TRACE_PROC_BAD] = GOTRACE_PROC_UNDETERMINED,
	[TRACE_PROC_RUNNING] = GOTRACE_PROC_RUNNING,
	[TRACE_PROC_IDLE] = GOTRACE_PROC_IDLE,
	[TRACE_PROC_SYSCALL] = GOTRACE_PROC_RUNNING,
	[TRACE_PROC_SYSCALL_ABANDONED] = GOTRACE_PROC_IDLE,
};

static const char *const go_words[] = { "bad", "runnable", "running", "in a syscall", "waiting" };
static const char *const proc_words[] = { "bad", "running", "idle", "in a syscall", "abandoned" };

#define ULL(v) ((unsigned long long)(v))

/* "Event: sentence". */
#define step_fail(s, ...) step_fail_(s, diag_set((s)->d, -EBADMSG, __VA_ARGS__))

static int step_fail_(const struct step *s, int err)
{
	return diag_prefix(s->d, err, "%s", evspec_table[s->ev->type].name);
}

static int step_nomem(const struct step *s)
{
	return diag_set(s->d, -ENOMEM, "no memory");
}

static struct order_event *step_emit(struct order *o, const struct step *s, uint8_t type)
{
	struct order_event *e = &o->out[o->out_cnt++];

	e->type = type;
	e->time_ns = s->ev->time_ns;
	e->m = s->m ? (int64_t)s->m->id : -1;
	e->p = s->m ? (int64_t)s->m->p_id : -1;
	e->g = s->m ? (int64_t)s->m->g_id : -1;
	memcpy(e->args, s->ev->args, sizeof(e->args));
	return e;
}

/* An event that ours stands for in part: its arguments are not those of the file. */
static struct order_event *step_emit_extra(struct order *o, const struct step *s, uint8_t type)
{
	struct order_event *e = step_emit(o, s, type);

	memset(e->args, 0, sizeof(e->args));
	return e;
}

static struct order_g *find_g(const struct order *o, uint64_t id)
{
	return idtab_find(&o->gs, id);
}

static struct order_p *find_p(const struct order *o, uint64_t id)
{
	return idtab_find(&o->ps, id);
}

/* The thread's goroutine, or NULL: it has none, or that one is gone. */
static struct order_g *m_g(const struct order *o, struct order_m *m)
{
	if (m->g && m->g->id == m->g_id)
		return m->g;
	if (m->g_id == TRACE_NO_G)
		return NULL;
	return m->g = find_g(o, m->g_id);
}

static void m_set_g(struct order_m *m, struct order_g *g)
{
	m->g = g;
	m->g_id = g ? g->id : TRACE_NO_G;
}

static void m_set_p(struct order_m *m, struct order_p *p)
{
	m->p = p;
	m->p_id = p ? p->id : UINT64_MAX;
}

/* O3 */
static bool seq_ok(uint64_t old_gen, uint64_t old_seq, const struct step *s, uint64_t seq)
{
	return old_gen == s->gen->gen && seq == old_seq + 1;
}

static bool is_first_gen(const struct order *o, const struct step *s)
{
	return s->gen->gen == o->first_gen;
}

/* --- what an event needs of its thread ------------------------------------------------------------ */

enum { NEED_M = 1, NEED_P = 2, NEED_G = 4, NO_G = 8, NEED_MP = 3, NEED_MPG = 7 };

static int step_need(const struct step *s, unsigned need)
{
	const struct order_m *m = s->m;

	if (!m)
		return need ? step_fail(s, "stands in a batch of no thread") : 0;
	if ((need & NEED_P) && m->p_id == UINT64_MAX)
		return step_fail(s, "thread %llu has no P", ULL(m->id));
	if ((need & NEED_G) && m->g_id == TRACE_NO_G)
		return step_fail(s, "thread %llu has no goroutine", ULL(m->id));
	if ((need & NO_G) && m->g_id != TRACE_NO_G)
		return step_fail(s, "thread %llu has goroutine %llu already", ULL(m->id), ULL(m->g_id));
	return 0;
}

/* The thread's goroutine, in this state. 0 or -EBADMSG. */
static int step_g_in(struct order *o, const struct step *s, uint8_t status, struct order_g **ret_g)
{
	struct order_g *g = m_g(o, s->m);

	if (!g)
		return step_fail(s, "goroutine %llu does not exist", ULL(s->m->g_id));
	if (g->status != status)
		return step_fail(s, "goroutine %llu is %s, not %s", ULL(g->id), go_words[g->status],
				 go_words[status]);
	*ret_g = g;
	return 0;
}

/* --- Ps ------------------------------------------------------------------------------------------- */

/* The thread that holds p. Slow, but only for a P that is about to be stolen. */
static struct order_m *m_of_p(const struct order *o, uint64_t p)
{
	struct order_m *m;
	size_t pos = 0;

	while ((m = idtab_next(&o->ms, &pos)))
		if (m->seen && m->p_id == p)
			return m;
	return NULL;
}

/* A known P is announced: 0 and the state it was in, or -EBADMSG. */
static int proc_again(const struct step *s, struct order_p *p, uint8_t status, uint8_t *ret_from)
{
	*ret_from = proc_state_of[status];
	if (status == TRACE_PROC_SYSCALL_ABANDONED && p->status == TRACE_PROC_SYSCALL)
		*ret_from = GOTRACE_PROC_RUNNING; /* nothing was lost after all */
	else if (p->status != status)
		return step_fail(s, "P %llu is %s, not %s", ULL(p->id), proc_words[p->status],
				 proc_words[status]);
	p->gen = s->gen->gen;
	p->seq = 0;
	return 0;
}

static int order_proc_status(struct order *o, const struct step *s)
{
	uint64_t id = s->ev->args[0];
	uint8_t status = (uint8_t)s->ev->args[1], from;
	struct order_p *p = find_p(o, id);
	struct order_m *holder = s->m;
	struct order_event *e;
	struct step at = *s;

	if (status >= sizeof(proc_state_of) || id == UINT64_MAX)
		return step_fail(s, "P %lld cannot be in state %u", (long long)id, status);
	if (p) {
		int err = proc_again(s, p, status, &from);

		if (err < 0)
			return err;
	} else {
		p = order_p_add(o, id, status, s->gen->gen);
		if (!p)
			return step_nomem(s);
		from = is_first_gen(o, s) ? GOTRACE_PROC_UNDETERMINED : GOTRACE_PROC_NOT_EXIST;
	}
	if (status == TRACE_PROC_SYSCALL_ABANDONED && from == GOTRACE_PROC_RUNNING) {
		/* Told by whoever steals it; it happened to the thread that holds it. */
		holder = m_of_p(o, id);
		if (!holder)
			return step_fail(s, "no thread holds P %llu, which is in a syscall", ULL(id));
		status = TRACE_PROC_SYSCALL;
	}
	at.m = holder;
	e = step_emit(o, &at, s->ev->type);
	e->from = from;
	e->to = proc_state_of[status];
	if (holder == s->m && s->m && (status == TRACE_PROC_RUNNING || status == TRACE_PROC_SYSCALL))
		m_set_p(s->m, p);
	return 1;
}

static int order_proc_start(struct order *o, const struct step *s)
{
	struct order_p *p = find_p(o, s->ev->args[0]);
	int err;

	if (!p || p->status != TRACE_PROC_IDLE || !seq_ok(p->gen, p->seq, s, s->ev->args[1]) ||
	    (s->m && s->m->p_id != UINT64_MAX))
		return 0;
	err = step_need(s, NEED_M);
	if (err < 0)
		return err;
	step_emit(o, s, s->ev->type);
	p->status = TRACE_PROC_RUNNING;
	p->seq = s->ev->args[1];
	m_set_p(s->m, p);
	return 1;
}

static int order_proc_stop(struct order *o, const struct step *s)
{
	struct order_p *p = s->m->p;

	if (p->status != TRACE_PROC_RUNNING && p->status != TRACE_PROC_SYSCALL)
		return step_fail(s, "P %llu is %s", ULL(p->id), proc_words[p->status]);
	step_emit(o, s, s->ev->type);
	p->status = TRACE_PROC_IDLE;
	m_set_p(s->m, NULL);
	return 1;
}

/* Takes p from the thread that the event names. 0 or -EBADMSG. */
static int steal_from(struct order *o, const struct step *s, const struct order_p *p)
{
	uint64_t id = s->ev->args[2];
	struct order_m *m = id == s->m->id ? s->m : idtab_find(&o->ms, id);

	if (!m || !m->seen)
		return step_fail(s, "P %llu is taken from thread %llu, which is unknown", ULL(p->id),
				 ULL(id));
	if (m->p_id != p->id)
		return step_fail(s, "P %llu is taken from thread %llu, which holds P %lld", ULL(p->id),
				 ULL(id), (long long)m->p_id);
	m_set_p(m, NULL);
	return 0;
}

static int order_proc_steal(struct order *o, const struct step *s)
{
	struct order_p *p = find_p(o, s->ev->args[0]);
	struct order_event *e;
	int err;

	if (!p || (p->status != TRACE_PROC_SYSCALL && p->status != TRACE_PROC_SYSCALL_ABANDONED) ||
	    !seq_ok(p->gen, p->seq, s, s->ev->args[1]))
		return 0;
	err = step_need(s, NEED_M);
	if (err < 0)
		return err;
	e = step_emit(o, s, s->ev->type);
	/* An abandoned P has shown as idle; who held it has moved on, and is not asked. */
	e->from = p->status == TRACE_PROC_SYSCALL ? GOTRACE_PROC_RUNNING : GOTRACE_PROC_IDLE;
	e->to = GOTRACE_PROC_IDLE;
	if (p->status == TRACE_PROC_SYSCALL) {
		err = steal_from(o, s, p);
		if (err < 0)
			return err;
	}
	p->status = TRACE_PROC_IDLE;
	p->seq = s->ev->args[1];
	return 1;
}

/* --- goroutines ----------------------------------------------------------------------------------- */

/* A goroutine in a syscall is announced, on thread mid. 0 and the context it shows in. */
static int status_in_syscall(struct order *o, const struct step *s, struct order_g *g, uint64_t mid,
			     struct order_event *e)
{
	struct order_m *m;

	if (mid == TRACE_NO_M)
		return step_fail(s, "goroutine %llu is in a syscall on no thread", ULL(g->id));
	m = s->m && mid == s->m->id ? s->m : order_m_get(o, mid);
	if (!m)
		return step_nomem(s);
	if (m == s->m) {
		if (!is_first_gen(o, s) && m->g_id != g->id)
			goto elsewhere;
		m_set_g(m, g);
		return 0;
	}
	if (m->seen && m->g_id != g->id)
		goto elsewhere;
	e->m = (int64_t)mid;
	if (m->seen) {
		e->g = (int64_t)g->id;
	} else {
		m->seen = true;
		m_set_g(m, g);
	}
	return 0;
elsewhere:
	return step_fail(s, "goroutine %llu is in a syscall on thread %llu, which holds goroutine %lld",
			 ULL(g->id), ULL(mid), (long long)m->g_id);
}

static int order_go_status(struct order *o, const struct step *s)
{
	uint64_t id = s->ev->args[0];
	uint8_t status = (uint8_t)s->ev->args[2], from;
	struct order_g *g = find_g(o, id);
	struct order_event *e;

	if (status >= sizeof(go_state_of) || id == TRACE_NO_G)
		return step_fail(s, "goroutine %lld cannot be in state %u", (long long)id, status);
	from = go_state_of[status];
	if (g) {
		if (g->status != status)
			return step_fail(s, "goroutine %llu is %s, not %s", ULL(id), go_words[g->status],
					 go_words[status]);
		g->gen = s->gen->gen;
		g->seq = 0;
	} else if (is_first_gen(o, s)) {
		g = order_g_add(o, id, status, s->gen->gen);
		if (!g)
			return step_nomem(s);
		from = GOTRACE_GO_UNDETERMINED;
	} else {
		return step_fail(s, "goroutine %llu appears after the first generation without being created",
				 ULL(id));
	}
	e = step_emit(o, s, s->ev->type);
	e->from = from;
	e->to = go_state_of[status];
	if (status == TRACE_GO_RUNNING && s->m)
		m_set_g(s->m, g);
	if (status == TRACE_GO_SYSCALL) {
		int err = status_in_syscall(o, s, g, s->ev->args[1], e);

		if (err < 0)
			return err;
	}
	return 1;
}

static int go_add(struct order *o, const struct step *s, uint8_t status, struct order_g **ret_g)
{
	uint64_t id = s->ev->args[0];
	struct order_g *g;

	if (id == TRACE_NO_G)
		return step_fail(s, "2^64-1 is no goroutine");
	if (find_g(o, id))
		return step_fail(s, "goroutine %llu exists already", ULL(id));
	if (o->gs.cnt >= LIMIT_GS)
		return diag_set(s->d, -E2BIG, "more than %d goroutines live at one time", LIMIT_GS);
	g = order_g_add(o, id, status, s->gen->gen);
	if (!g)
		return step_nomem(s);
	*ret_g = g;
	return 0;
}

static int order_go_create(struct order *o, const struct step *s)
{
	struct order_g *cur = m_g(o, s->m), *g;
	int err;

	if (cur && cur->status != TRACE_GO_RUNNING)
		return step_fail(s, "its creator, goroutine %llu, is %s", ULL(cur->id), go_words[cur->status]);
	err = go_add(o, s,
		     s->ev->type == EV_GO_CREATE_BLOCKED ? TRACE_GO_WAITING : TRACE_GO_RUNNABLE, &g);
	if (err < 0)
		return err;
	step_emit(o, s, s->ev->type);
	return 1;
}

static int order_go_create_syscall(struct order *o, const struct step *s)
{
	struct order_g *g = NULL;
	int err = go_add(o, s, TRACE_GO_SYSCALL, &g);

	if (err < 0)
		return err;
	step_emit(o, s, s->ev->type);
	m_set_g(s->m, g);
	return 1;
}

/* GoStop, GoBlock, GoDestroy */
static int order_go_stop(struct order *o, const struct step *s)
{
	struct order_g *g = NULL;
	int err = step_g_in(o, s, TRACE_GO_RUNNING, &g);

	if (err < 0)
		return err;
	step_emit(o, s, s->ev->type);
	if (s->ev->type == EV_GO_DESTROY)
		order_g_del(o, g);
	else
		g->status = s->ev->type == EV_GO_STOP ? TRACE_GO_RUNNABLE : TRACE_GO_WAITING;
	m_set_g(s->m, NULL);
	return 1;
}

static int order_go_start(struct order *o, const struct step *s)
{
	struct order_g *g = find_g(o, s->ev->args[0]);
	int err;

	if (!g || g->status != TRACE_GO_RUNNABLE || !seq_ok(g->gen, g->seq, s, s->ev->args[1]))
		return 0;
	err = step_need(s, NEED_MP | NO_G);
	if (err < 0)
		return err;
	step_emit(o, s, s->ev->type);
	g->status = TRACE_GO_RUNNING;
	g->seq = s->ev->args[1];
	m_set_g(s->m, g);
	return 1;
}

static int order_go_unblock(struct order *o, const struct step *s)
{
	struct order_g *g = find_g(o, s->ev->args[0]);

	if (!g || g->status != TRACE_GO_WAITING || !seq_ok(g->gen, g->seq, s, s->ev->args[1]))
		return 0;
	step_emit(o, s, s->ev->type);
	g->status = TRACE_GO_RUNNABLE;
	g->seq = s->ev->args[1];
	return 1;
}

/* GoSwitch, GoSwitchDestroy: unblock the next, block or end the current, start the next. */
static int order_go_switch(struct order *o, const struct step *s)
{
	struct order_g *cur = NULL, *next = find_g(o, s->ev->args[0]);
	struct order_event *start;
	int err = step_g_in(o, s, TRACE_GO_RUNNING, &cur);

	if (err < 0)
		return err;
	if (!next || next->status != TRACE_GO_WAITING || !seq_ok(next->gen, next->seq, s, s->ev->args[1]))
		return 0;
	step_emit(o, s, s->ev->type);
	if (s->ev->type == EV_GO_SWITCH) {
		step_emit_extra(o, s, EV_GO_BLOCK);
		cur->status = TRACE_GO_WAITING;
	} else {
		step_emit_extra(o, s, EV_GO_DESTROY);
		order_g_del(o, cur);
	}
	start = step_emit_extra(o, s, EV_GO_START);
	start->g = GOTRACE_NO_GOROUTINE;
	start->args[0] = s->ev->args[0];
	start->args[1] = s->ev->args[1];
	next->status = TRACE_GO_RUNNING;
	next->seq = s->ev->args[1];
	m_set_g(s->m, next);
	return 1;
}

/* --- syscalls ------------------------------------------------------------------------------------- */

static int order_syscall_begin(struct order *o, const struct step *s)
{
	struct order_p *p = s->m->p;
	struct order_g *g = NULL;
	int err = step_g_in(o, s, TRACE_GO_RUNNING, &g);

	if (err < 0)
		return err;
	if (!seq_ok(p->gen, p->seq, s, s->ev->args[0]))
		return step_fail(s, "sequence number %llu of P %llu does not follow %llu of generation %llu",
				 ULL(s->ev->args[0]), ULL(p->id), ULL(p->seq), ULL(p->gen));
	step_emit(o, s, s->ev->type);
	g->status = TRACE_GO_SYSCALL;
	p->status = TRACE_PROC_SYSCALL;
	p->seq = s->ev->args[0];
	return 1;
}

static int order_syscall_end(struct order *o, const struct step *s)
{
	struct order_p *p = s->m->p;
	struct order_g *g = NULL;
	int err = step_g_in(o, s, TRACE_GO_SYSCALL, &g);

	if (err < 0)
		return err;
	if (p->status != TRACE_PROC_SYSCALL)
		return step_fail(s, "P %llu is %s, not in a syscall", ULL(p->id), proc_words[p->status]);
	step_emit(o, s, s->ev->type);
	g->status = TRACE_GO_RUNNING;
	p->status = TRACE_PROC_RUNNING;
	return 1;
}

static int order_syscall_end_blocked(struct order *o, const struct step *s)
{
	struct order_g *g = NULL;
	int err;

	/* The event says that the P will be lost: it comes after that. */
	if (s->m && s->m->p_id != UINT64_MAX && s->m->p->status == TRACE_PROC_SYSCALL)
		return 0;
	err = step_need(s, NEED_M | NEED_G);
	if (!err)
		err = step_g_in(o, s, TRACE_GO_SYSCALL, &g);
	if (err < 0)
		return err;
	step_emit(o, s, s->ev->type);
	g->status = TRACE_GO_RUNNABLE;
	m_set_g(s->m, NULL);
	return 1;
}

static int order_go_destroy_syscall(struct order *o, const struct step *s)
{
	struct order_g *g = NULL;
	struct order_p *p = s->m->p_id == UINT64_MAX ? NULL : s->m->p;
	int err = step_g_in(o, s, TRACE_GO_SYSCALL, &g);

	if (err < 0)
		return err;
	if (p) {
		struct order_event *e;

		if (p->status != TRACE_PROC_SYSCALL)
			return step_fail(s, "P %llu is %s, not in a syscall", ULL(p->id),
					 proc_words[p->status]);
		e = step_emit_extra(o, s, EV_PROC_STEAL);
		e->args[0] = p->id;
		e->from = GOTRACE_PROC_RUNNING;
		e->to = GOTRACE_PROC_IDLE;
	}
	step_emit(o, s, s->ev->type);
	/* The thread's id may be used again: whoever steals the P must not look for it there. */
	if (p)
		p->status = TRACE_PROC_SYSCALL_ABANDONED;
	order_g_del(o, g);
	m_set_g(s->m, NULL);
	m_set_p(s->m, NULL);
	return 1;
}

/* --- tasks and regions ---------------------------------------------------------------------------- */

/* A reference to the name with this string id. 0, -EBADMSG, -ENOMEM. */
static int step_name(struct order *o, const struct step *s, uint64_t id, struct order_name **ret_n)
{
	const struct gen_str *str = id ? gen_str_get(s->gen, id) : NULL;

	if (id && !str)
		return step_fail(s, "string %llu is not in its generation", ULL(id));
	*ret_n = str ? order_name_get(o, str->s, str->hash) :
		       order_name_get(o, (struct gotrace_str){ .p = "" }, 0);
	return *ret_n ? 0 : step_nomem(s);
}

static int order_task_begin(struct order *o, const struct step *s)
{
	uint64_t id = s->ev->args[0], parent = s->ev->args[1];
	struct order_name *name = NULL;
	struct order_task *t;
	int err;

	if (idtab_find(&o->tasks, id))
		return step_fail(s, "task %llu is active already", ULL(id));
	err = step_name(o, s, s->ev->args[2], &name);
	if (err < 0)
		return err;
	/* Here 0 means none; only regions and logs attach to the background task. */
	if (parent == GOTRACE_BACKGROUND_TASK)
		parent = GOTRACE_NO_TASK;
	t = malloc(sizeof(*t));
	if (!t || idtab_put(&o->tasks, id, t) < 0) {
		free(t);
		order_name_put(o, name);
		return step_nomem(s);
	}
	*t = (struct order_task){ .parent = parent, .name = name };
	step_emit(o, s, s->ev->type)->args[1] = parent;
	return 1;
}

static int order_task_end(struct order *o, const struct step *s)
{
	struct order_task *t = idtab_del(&o->tasks, s->ev->args[0]);
	struct order_event *e = step_emit(o, s, s->ev->type);

	e->args[2] = t ? t->parent : GOTRACE_NO_TASK;
	e->name = (struct gotrace_str){ .p = "" };
	if (t) {
		e->name = (struct gotrace_str){ .p = t->name->text, .len = t->name->len };
		order_name_put(o, t->name);
		free(t);
	}
	return 1;
}

static int order_region_begin(struct order *o, const struct step *s)
{
	struct order_g *g = m_g(o, s->m);
	struct order_name *name = NULL;
	struct order_region *r;
	int err = step_name(o, s, s->ev->args[1], &name);

	if (err < 0)
		return err;
	r = g ? malloc(sizeof(*r)) : NULL;
	if (!r) {
		order_name_put(o, name);
		return g ? step_nomem(s) : step_fail(s, "goroutine %llu does not exist", ULL(s->m->g_id));
	}
	*r = (struct order_region){ .up = g->regions, .task = s->ev->args[0], .name = name };
	g->regions = r;
	step_emit(o, s, s->ev->type);
	return 1;
}

static int order_region_end(struct order *o, const struct step *s)
{
	struct order_g *g = m_g(o, s->m);
	struct order_name *name = NULL;
	struct order_region *r;
	int err = step_name(o, s, s->ev->args[1], &name);

	if (err < 0)
		return err;
	order_name_put(o, name); /* still there: nothing is swept in between */
	if (!g)
		return step_fail(s, "goroutine %llu does not exist", ULL(s->m->g_id));
	r = g->regions;
	if (r) {
		if (r->task != s->ev->args[0] || r->name != name)
			return step_fail(s, "region \"%.64s\" of task %llu ends on goroutine %llu, whose "
					    "innermost one is \"%.64s\" of task %llu", name->text,
					 ULL(s->ev->args[0]), ULL(g->id), r->name->text, ULL(r->task));
		g->regions = r->up;
		order_name_put(o, r->name);
		free(r);
	}
	/* else it began before the trace */
	step_emit(o, s, s->ev->type);
	return 1;
}

/* --- ranges --------------------------------------------------------------------------------------- */

/* Sequence numbers tie begin and end, which may be on different threads. */
static int order_gc_active(struct order *o, const struct step *s)
{
	uint64_t seq = s->ev->args[0];
	int err;

	if (is_first_gen(o, s)) {
		if (o->gc != GC_UNKNOWN)
			return step_fail(s, "is not the first of the GC's events in the first generation");
		o->gc = GC_ON;
	} else {
		if (seq != o->gc_seq + 1)
			return 0;
		if (o->gc != GC_ON)
			return step_fail(s, "no GC is running");
		err = step_need(s, NEED_MPG);
		if (err < 0)
			return err;
	}
	o->gc_seq = seq;
	step_emit(o, s, s->ev->type);
	return 1;
}

static int order_gc_begin(struct order *o, const struct step *s)
{
	uint64_t seq = s->ev->args[0];
	int err;

	if (o->gc != GC_UNKNOWN) {
		if (seq != o->gc_seq + 1)
			return 0;
		if (o->gc == GC_ON)
			return step_fail(s, "a GC is running already");
		err = step_need(s, NEED_MPG);
		if (err < 0)
			return err;
	}
	o->gc = GC_ON;
	o->gc_seq = seq;
	step_emit(o, s, s->ev->type);
	return 1;
}

static int order_gc_end(struct order *o, const struct step *s)
{
	uint64_t seq = s->ev->args[0];
	int err;

	if (seq != o->gc_seq + 1)
		return 0;
	if (o->gc != GC_ON)
		return step_fail(s, "no GC is known to run");
	err = step_need(s, NEED_MPG);
	if (err < 0)
		return err;
	o->gc = GC_OFF;
	o->gc_seq = seq;
	step_emit(o, s, s->ev->type);
	return 1;
}

static int range_begin(struct order *o, const struct step *s, struct order_ranges *r, uint64_t desc)
{
	int err = order_range_add(r, s->ev->type, desc);

	if (err == -EEXIST)
		return step_fail(s, "has begun already");
	if (err < 0)
		return step_nomem(s);
	step_emit(o, s, s->ev->type);
	return 1;
}

static int range_active(struct order *o, const struct step *s, struct order_ranges *r, uint8_t type)
{
	if (is_first_gen(o, s)) {
		int err = order_range_add(r, type, 0);

		if (err == -EEXIST)
			return step_fail(s, "is active already");
		if (err < 0)
			return step_nomem(s);
	} else if (!order_range_has(r, type, 0)) {
		return step_fail(s, "was not active when the generation before ended");
	}
	step_emit(o, s, s->ev->type);
	return 1;
}

static int order_sweep_begin(struct order *o, const struct step *s)
{
	return range_begin(o, s, &s->m->p->ranges, 0);
}

static int order_sweep_active(struct order *o, const struct step *s)
{
	struct order_p *p = find_p(o, s->ev->args[0]);

	if (!p)
		return step_fail(s, "P %llu is unknown", ULL(s->ev->args[0]));
	return range_active(o, s, &p->ranges, EV_GC_SWEEP_BEGIN);
}

static int order_sweep_end(struct order *o, const struct step *s)
{
	uint64_t desc;

	if (order_range_del(&s->m->p->ranges, EV_GC_SWEEP_BEGIN, &desc) < 0)
		return step_fail(s, "P %llu is not sweeping", ULL(s->m->p_id));
	step_emit(o, s, s->ev->type);
	return 1;
}

/* STWBegin, GCMarkAssistBegin */
static int order_range_begin(struct order *o, const struct step *s)
{
	struct order_g *g = m_g(o, s->m);

	if (!g)
		return step_fail(s, "goroutine %llu does not exist", ULL(s->m->g_id));
	return range_begin(o, s, &g->ranges, s->ev->type == EV_STW_BEGIN ? s->ev->args[0] : 0);
}

static int order_assist_active(struct order *o, const struct step *s)
{
	struct order_g *g = find_g(o, s->ev->args[0]);

	if (!g)
		return step_fail(s, "goroutine %llu is unknown", ULL(s->ev->args[0]));
	return range_active(o, s, &g->ranges, EV_GC_MARK_ASSIST_BEGIN);
}

/* STWEnd, GCMarkAssistEnd */
static int order_range_end(struct order *o, const struct step *s)
{
	struct order_g *g = m_g(o, s->m);
	uint8_t begin = s->ev->type == EV_STW_END ? EV_STW_BEGIN : EV_GC_MARK_ASSIST_BEGIN;
	uint64_t desc;

	if (!g)
		return step_fail(s, "goroutine %llu does not exist", ULL(s->m->g_id));
	if (order_range_del(&g->ranges, begin, &desc) < 0)
		return step_fail(s, "has not begun on goroutine %llu", ULL(g->id));
	step_emit(o, s, s->ev->type)->args[0] = desc;
	return 1;
}

static int order_note(struct order *o, const struct step *s)
{
	step_emit(o, s, s->ev->type);
	return 1;
}

/* --- the table ------------------------------------------------------------------------------------ */

/* need is asked first; 0 where something else comes before it. */
struct rule {
	int (*judge)(struct order *o, const struct step *s);
	uint8_t need;
};

static const struct rule rules[EV_TABLE_LEN] = {
	[EV_PROCS_CHANGE] = { order_note, NEED_MPG },
	[EV_PROC_START] = { order_proc_start, 0 },
	[EV_PROC_STOP] = { order_proc_stop, NEED_MP },
	[EV_PROC_STEAL] = { order_proc_steal, 0 },
	[EV_PROC_STATUS] = { order_proc_status, 0 },
	[EV_GO_CREATE] = { order_go_create, NEED_MP },
	[EV_GO_CREATE_BLOCKED] = { order_go_create, NEED_MP },
	[EV_GO_CREATE_SYSCALL] = { order_go_create_syscall, NEED_M | NO_G },
	[EV_GO_START] = { order_go_start, 0 },
	[EV_GO_DESTROY] = { order_go_stop, NEED_MPG },
	[EV_GO_DESTROY_SYSCALL] = { order_go_destroy_syscall, NEED_M | NEED_G },
	[EV_GO_STOP] = { order_go_stop, NEED_MPG },
	[EV_GO_BLOCK] = { order_go_stop, NEED_MPG },
	[EV_GO_UNBLOCK] = { order_go_unblock, 0 },
	[EV_GO_SYSCALL_BEGIN] = { order_syscall_begin, NEED_MPG },
	[EV_GO_SYSCALL_END] = { order_syscall_end, NEED_MPG },
	[EV_GO_SYSCALL_END_BLOCKED] = { order_syscall_end_blocked, 0 },
	[EV_GO_STATUS] = { order_go_status, 0 },
	[EV_GO_STATUS_STACK] = { order_go_status, 0 },
	[EV_GO_SWITCH] = { order_go_switch, NEED_MPG },
	[EV_GO_SWITCH_DESTROY] = { order_go_switch, NEED_MPG },
	[EV_STW_BEGIN] = { order_range_begin, NEED_MPG },
	[EV_STW_END] = { order_range_end, NEED_MPG },
	[EV_GC_ACTIVE] = { order_gc_active, 0 },
	[EV_GC_BEGIN] = { order_gc_begin, 0 },
	[EV_GC_END] = { order_gc_end, 0 },
	[EV_GC_SWEEP_ACTIVE] = { order_sweep_active, 0 },
	[EV_GC_SWEEP_BEGIN] = { order_sweep_begin, NEED_MP },
	[EV_GC_SWEEP_END] = { order_sweep_end, NEED_MP },
	[EV_GC_MARK_ASSIST_ACTIVE] = { order_assist_active, 0 },
	[EV_GC_MARK_ASSIST_BEGIN] = { order_range_begin, NEED_MPG },
	[EV_GC_MARK_ASSIST_END] = { order_range_end, NEED_MPG },
	[EV_HEAP_ALLOC] = { order_note, NEED_MP },
	[EV_HEAP_GOAL] = { order_note, NEED_MP },
	[EV_GO_LABEL] = { order_note, NEED_MPG },
	[EV_USER_TASK_BEGIN] = { order_task_begin, NEED_MPG },
	[EV_USER_TASK_END] = { order_task_end, NEED_MPG },
	[EV_USER_REGION_BEGIN] = { order_region_begin, NEED_MPG },
	[EV_USER_REGION_END] = { order_region_end, NEED_MPG },
	[EV_USER_LOG] = { order_note, NEED_MPG },
	[EV_SPAN] = { order_note, NEED_M },
	[EV_SPAN_ALLOC] = { order_note, NEED_M },
	[EV_SPAN_FREE] = { order_note, NEED_M },
	[EV_HEAP_OBJECT] = { order_note, NEED_M },
	[EV_HEAP_OBJECT_ALLOC] = { order_note, NEED_M },
	[EV_HEAP_OBJECT_FREE] = { order_note, NEED_M },
	[EV_GOROUTINE_STACK] = { order_note, NEED_M },
	[EV_GOROUTINE_STACK_ALLOC] = { order_note, NEED_M },
	[EV_GOROUTINE_STACK_FREE] = { order_note, NEED_M },
};

int order_advance(struct order *o, const struct gen *g, struct order_m *m,
		  const struct cursor_event *ev, struct order_event **ret_evs,
		  struct diag *d)
{
	const struct step s = { .gen = g, .m = m, .ev = ev, .d = d };
	const struct rule *r = &rules[ev->type];
	int rc;

	if (!o->first_gen)
		o->first_gen = g->gen;
	if (m)
		m->seen = true;
	o->out_cnt = 0;
	if (!r->judge)
		return step_fail(&s, "does not belong into a thread's batch");
	if (r->need) {
		rc = step_need(&s, r->need);
		if (rc < 0)
			return rc;
	}
	rc = r->judge(o, &s);
	if (rc <= 0)
		return rc;
	*ret_evs = o->out;
	return (int)o->out_cnt;
}

void order_why(const struct order *o, const struct order_m *m, const struct cursor_event *ev,
	       struct diag *d)
{
	const char *name = evspec_table[ev->type].name;
	const struct order_g *g = find_g(o, ev->args[0]);
	const struct order_p *p = find_p(o, ev->args[0]);
	unsigned long long id = ev->args[0], seq = ev->args[1];

	switch (ev->type) {
	case EV_GO_START:
	case EV_GO_UNBLOCK:
	case EV_GO_SWITCH:
	case EV_GO_SWITCH_DESTROY:
		if (!g)
			diag_set(d, 0, "%s(g=%llu seq=%llu): goroutine %llu is unknown", name, id, seq, id);
		else
			diag_set(d, 0, "%s(g=%llu seq=%llu): goroutine %llu is %s at seq %llu of generation %llu",
				 name, id, seq, id, go_words[g->status], ULL(g->seq), ULL(g->gen));
		break;
	case EV_PROC_START:
	case EV_PROC_STEAL:
		if (!p)
			diag_set(d, 0, "%s(p=%llu seq=%llu): P %llu is unknown", name, id, seq, id);
		else
			diag_set(d, 0, "%s(p=%llu seq=%llu): P %llu is %s at seq %llu of generation %llu, and "
				 "the thread holds P %lld", name, id, seq, id, proc_words[p->status],
				 ULL(p->seq), ULL(p->gen), m ? (long long)m->p_id : -1LL);
		break;
	case EV_GO_SYSCALL_END_BLOCKED:
		diag_set(d, 0, "%s: P %lld of the thread is in a syscall, and nobody takes it", name,
			 m ? (long long)m->p_id : -1LL);
		break;
	default:
		diag_set(d, 0, "%s(seq=%llu): the GC is at seq %llu", name, id, ULL(o->gc_seq));
		break;
	}
}
