#include "trace/order.h"

#include "trace/orderplain.h"

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

const char *const order_go_words[] = { "bad", "runnable", "running", "in a syscall", "waiting" };
const char *const order_proc_words[] = { "bad", "running", "idle", "in a syscall", "abandoned" };

int order_step_fail(const struct step *s, int err)
{
	return diag_prefix(s->d, err, "%s", evspec_table[s->ev->type].name);
}

/* --- Ps --------------------------------------------------------------------------------------- */

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
		return step_fail(s, "P %llu is %s, not %s", ULL(p->id), order_proc_words[p->status],
				 order_proc_words[status]);
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
			return step_fail(s, "no thread holds P %llu, which is in a syscall",
					 ULL(id));
		status = TRACE_PROC_SYSCALL;
	}
	at.m = holder;
	e = step_emit(o, &at, s->ev->type);
	e->from = from;
	e->to = proc_state_of[status];
	if (holder == s->m && s->m &&
	    (status == TRACE_PROC_RUNNING || status == TRACE_PROC_SYSCALL))
		m_set_p(s->m, p);
	return 1;
}

static int order_proc_start(struct order *o, const struct step *s)
{
	struct order_p *p = find_p(o, s->ev->args[0]);

	if (!p || p->status != TRACE_PROC_IDLE || !seq_ok(p->gen, p->seq, s, s->ev->args[1]) ||
	    (s->m && s->m->p_id != UINT64_MAX))
		return 0;
	return step_need(s, NEED_M);
}

static int order_proc_stop(struct order *o, const struct step *s)
{
	const struct order_p *p = s->m->p;

	(void)o;
	return step_fail(s, "P %llu is %s", ULL(p->id), order_proc_words[p->status]);
}

/* Takes p from the thread that the event names. 0 or -EBADMSG. */
static int steal_from(struct order *o, const struct step *s, const struct order_p *p)
{
	uint64_t id = s->ev->args[2];
	struct order_m *m = id == s->m->id ? s->m : idtab_find(&o->ms, id);

	if (!m || !m->seen)
		return step_fail(s, "P %llu is taken from thread %llu, which is unknown",
				 ULL(p->id), ULL(id));
	if (m->p_id != p->id)
		return step_fail(s, "P %llu is taken from thread %llu, which holds P %lld",
				 ULL(p->id), ULL(id), (long long)m->p_id);
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

/* --- goroutines ------------------------------------------------------------------------------- */

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
	return step_fail(
		s, "goroutine %llu is in a syscall on thread %llu, which holds goroutine %lld",
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
			return step_fail(s, "goroutine %llu is %s, not %s", ULL(id),
					 order_go_words[g->status], order_go_words[status]);
		g->gen = s->gen->gen;
		g->seq = 0;
	} else if (is_first_gen(o, s)) {
		g = order_g_add(o, id, status, s->gen->gen);
		if (!g)
			return step_nomem(s);
		from = GOTRACE_GO_UNDETERMINED;
	} else {
		return step_fail(
			s,
			"goroutine %llu appears after the first generation without being created",
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

/* May there be a new goroutine? 0, -EBADMSG, -E2BIG. */
static int go_new(struct order *o, const struct step *s)
{
	uint64_t id = s->ev->args[0];

	if (id == TRACE_NO_G)
		return step_fail(s, "2^64-1 is no goroutine");
	if (find_g(o, id))
		return step_fail(s, "goroutine %llu exists already", ULL(id));
	if (o->gs.cnt >= LIMIT_GS)
		return diag_set(s->d, -E2BIG, "more than %d goroutines live at one time", LIMIT_GS);
	return 0;
}

static int order_go_create(struct order *o, const struct step *s)
{
	const struct order_g *cur = m_g(o, s->m);
	int err;

	if (cur && cur->status != TRACE_GO_RUNNING)
		return step_fail(s, "its creator, goroutine %llu, is %s", ULL(cur->id),
				 order_go_words[cur->status]);
	err = go_new(o, s);
	return err < 0 ? err : step_nomem(s);
}

static int order_go_create_syscall(struct order *o, const struct step *s)
{
	struct order_g *g;
	int err = go_new(o, s);

	if (err < 0)
		return err;
	g = order_g_add(o, s->ev->args[0], TRACE_GO_SYSCALL, s->gen->gen);
	if (!g)
		return step_nomem(s);
	step_emit(o, s, s->ev->type);
	m_set_g(s->m, g);
	return 1;
}

/* GoStop, GoBlock, GoDestroy */
static int order_go_stop(struct order *o, const struct step *s)
{
	struct order_g *g;

	return step_g_in(o, s, TRACE_GO_RUNNING, &g);
}

static int order_go_start(struct order *o, const struct step *s)
{
	const struct order_g *g = find_g(o, s->ev->args[0]);

	if (!g || g->status != TRACE_GO_RUNNABLE || !seq_ok(g->gen, g->seq, s, s->ev->args[1]))
		return 0;
	return step_need(s, NEED_MP | NO_G);
}

/* GoUnblock breaks no rule, it waits. */
static int order_wait(struct order *o, const struct step *s)
{
	(void)o;
	(void)s;
	return 0;
}

/* GoSwitch, GoSwitchDestroy: unblock the next, block or end the current, start the next. */
static int order_go_switch(struct order *o, const struct step *s)
{
	struct order_g *cur = NULL, *next = find_g(o, s->ev->args[0]);
	struct order_event *start;
	uint64_t *args;
	int err = step_g_in(o, s, TRACE_GO_RUNNING, &cur);

	if (err < 0)
		return err;
	if (!next || next->status != TRACE_GO_WAITING ||
	    !seq_ok(next->gen, next->seq, s, s->ev->args[1]))
		return 0;
	step_emit(o, s, s->ev->type);
	if (s->ev->type == EV_GO_SWITCH) {
		step_emit_own(o, s, EV_GO_BLOCK, &args);
		cur->status = TRACE_GO_WAITING;
	} else {
		step_emit_own(o, s, EV_GO_DESTROY, &args);
		order_g_del(o, cur);
	}
	start = step_emit_own(o, s, EV_GO_START, &args);
	start->g = GOTRACE_NO_GOROUTINE;
	args[0] = s->ev->args[0];
	args[1] = s->ev->args[1];
	next->status = TRACE_GO_RUNNING;
	next->seq = s->ev->args[1];
	m_set_g(s->m, next);
	return 1;
}

/* --- syscalls --------------------------------------------------------------------------------- */

static int order_syscall_begin(struct order *o, const struct step *s)
{
	const struct order_p *p = s->m->p;
	struct order_g *g;
	int err = step_g_in(o, s, TRACE_GO_RUNNING, &g);

	if (err < 0)
		return err;
	return step_fail(s,
			 "sequence number %llu of P %llu does not follow %llu of generation %llu",
			 ULL(s->ev->args[0]), ULL(p->id), ULL(p->seq), ULL(p->gen));
}

static int order_syscall_end(struct order *o, const struct step *s)
{
	const struct order_p *p = s->m->p;
	struct order_g *g;
	int err = step_g_in(o, s, TRACE_GO_SYSCALL, &g);

	if (err < 0)
		return err;
	return step_fail(s, "P %llu is %s, not in a syscall", ULL(p->id),
			 order_proc_words[p->status]);
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
		uint64_t *args;

		if (p->status != TRACE_PROC_SYSCALL)
			return step_fail(s, "P %llu is %s, not in a syscall", ULL(p->id),
					 order_proc_words[p->status]);
		e = step_emit_own(o, s, EV_PROC_STEAL, &args);
		args[0] = p->id;
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

/* --- the rules -------------------------------------------------------------------------------- */

static inline int order_note(struct order *o, const struct step *s)
{
	step_emit(o, s, s->ev->type);
	return 1;
}

/* Event, rule, and what is asked of its thread first; 0 where something else comes before that. */
#define ORDER_RULES(X)                                                                             \
	X(EV_PROCS_CHANGE, order_note, NEED_MPG)                                                   \
	X(EV_PROC_START, order_proc_start, 0)                                                      \
	X(EV_PROC_STOP, order_proc_stop, NEED_MP)                                                  \
	X(EV_PROC_STEAL, order_proc_steal, 0)                                                      \
	X(EV_PROC_STATUS, order_proc_status, 0)                                                    \
	X(EV_GO_CREATE, order_go_create, NEED_MP)                                                  \
	X(EV_GO_CREATE_BLOCKED, order_go_create, NEED_MP)                                          \
	X(EV_GO_CREATE_SYSCALL, order_go_create_syscall, NEED_M | NO_G)                            \
	X(EV_GO_START, order_go_start, 0)                                                          \
	X(EV_GO_DESTROY, order_go_stop, NEED_MPG)                                                  \
	X(EV_GO_DESTROY_SYSCALL, order_go_destroy_syscall, NEED_M | NEED_G)                        \
	X(EV_GO_STOP, order_go_stop, NEED_MPG)                                                     \
	X(EV_GO_BLOCK, order_go_stop, NEED_MPG)                                                    \
	X(EV_GO_UNBLOCK, order_wait, 0)                                                            \
	X(EV_GO_SYSCALL_BEGIN, order_syscall_begin, NEED_MPG)                                      \
	X(EV_GO_SYSCALL_END, order_syscall_end, NEED_MPG)                                          \
	X(EV_GO_SYSCALL_END_BLOCKED, order_syscall_end_blocked, 0)                                 \
	X(EV_GO_STATUS, order_go_status, 0)                                                        \
	X(EV_GO_STATUS_STACK, order_go_status, 0)                                                  \
	X(EV_GO_SWITCH, order_go_switch, NEED_MPG)                                                 \
	X(EV_GO_SWITCH_DESTROY, order_go_switch, NEED_MPG)                                         \
	X(EV_STW_BEGIN, order_range_begin, NEED_MPG)                                               \
	X(EV_STW_END, order_range_end, NEED_MPG)                                                   \
	X(EV_GC_ACTIVE, order_gc_active, 0)                                                        \
	X(EV_GC_BEGIN, order_gc_begin, 0)                                                          \
	X(EV_GC_END, order_gc_end, 0)                                                              \
	X(EV_GC_SWEEP_ACTIVE, order_sweep_active, 0)                                               \
	X(EV_GC_SWEEP_BEGIN, order_sweep_begin, NEED_MP)                                           \
	X(EV_GC_SWEEP_END, order_sweep_end, NEED_MP)                                               \
	X(EV_GC_MARK_ASSIST_ACTIVE, order_assist_active, 0)                                        \
	X(EV_GC_MARK_ASSIST_BEGIN, order_range_begin, NEED_MPG)                                    \
	X(EV_GC_MARK_ASSIST_END, order_range_end, NEED_MPG)                                        \
	X(EV_HEAP_ALLOC, order_note, NEED_MP)                                                      \
	X(EV_HEAP_GOAL, order_note, NEED_MP)                                                       \
	X(EV_GO_LABEL, order_note, NEED_MPG)                                                       \
	X(EV_USER_TASK_BEGIN, order_task_begin, NEED_MPG)                                          \
	X(EV_USER_TASK_END, order_task_end, NEED_MPG)                                              \
	X(EV_USER_REGION_BEGIN, order_region_begin, NEED_MPG)                                      \
	X(EV_USER_REGION_END, order_region_end, NEED_MPG)                                          \
	X(EV_USER_LOG, order_note, NEED_MPG)                                                       \
	X(EV_SPAN, order_note, NEED_M)                                                             \
	X(EV_SPAN_ALLOC, order_note, NEED_M)                                                       \
	X(EV_SPAN_FREE, order_note, NEED_M)                                                        \
	X(EV_HEAP_OBJECT, order_note, NEED_M)                                                      \
	X(EV_HEAP_OBJECT_ALLOC, order_note, NEED_M)                                                \
	X(EV_HEAP_OBJECT_FREE, order_note, NEED_M)                                                 \
	X(EV_GOROUTINE_STACK, order_note, NEED_M)                                                  \
	X(EV_GOROUTINE_STACK_ALLOC, order_note, NEED_M)                                            \
	X(EV_GOROUTINE_STACK_FREE, order_note, NEED_M)

/* What is not plain. One flat switch over the table; rules are inlined with their needs. */
static int order_judge(struct order *o, const struct step *s)
{
	int rc;

	switch (s->ev->type) {
#define ORDER_CASE(type, rule, need)                                                               \
	case type:                                                                                 \
		rc = step_need(s, need);                                                           \
		return rc < 0 ? rc : rule(o, s);
		ORDER_RULES(ORDER_CASE)
#undef ORDER_CASE
	default:
		return step_fail(s, "does not belong into a thread's batch");
	}
}

int order_advance(struct order *o, const struct gen *g, struct order_m *m,
		  const struct cursor_event *ev, struct order_event **ret_evs, struct diag *d)
{
	const struct step s = { .gen = g, .m = m, .ev = ev, .d = d };
	int rc;

	if (!o->first_gen)
		o->first_gen = g->gen;
	if (m)
		m->seen = true;
	o->out_cnt = 0;
	if (m || ev->type == EV_GO_UNBLOCK) {
		step_emit(o, &s, ev->type); /* O4: as it was before */
		if (order_plain(o, g->gen, m, ev, NULL)) {
			*ret_evs = o->out;
			return 1;
		}
		o->out_cnt = 0;
	}
	rc = order_judge(o, &s);
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
			diag_set(d, 0, "%s(g=%llu seq=%llu): goroutine %llu is unknown", name, id,
				 seq, id);
		else
			diag_set(d, 0,
				 "%s(g=%llu seq=%llu): goroutine %llu is %s at seq %llu of "
				 "generation %llu",
				 name, id, seq, id, order_go_words[g->status], ULL(g->seq),
				 ULL(g->gen));
		break;
	case EV_PROC_START:
	case EV_PROC_STEAL:
		if (!p)
			diag_set(d, 0, "%s(p=%llu seq=%llu): P %llu is unknown", name, id, seq, id);
		else
			diag_set(d, 0,
				 "%s(p=%llu seq=%llu): P %llu is %s at seq %llu of generation "
				 "%llu, and "
				 "the thread holds P %lld",
				 name, id, seq, id, order_proc_words[p->status], ULL(p->seq),
				 ULL(p->gen), m ? (long long)m->p_id : -1LL);
		break;
	case EV_GO_SYSCALL_END_BLOCKED:
		diag_set(d, 0, "%s: P %lld of the thread is in a syscall, and nobody takes it",
			 name, m ? (long long)m->p_id : -1LL);
		break;
	default:
		diag_set(d, 0, "%s(seq=%llu): the GC is at seq %llu", name, id, ULL(o->gc_seq));
		break;
	}
}
