/* ordernote.c - the rules of tasks, regions and ranges: all that is not who runs where. */
#include <stdlib.h>

#include "trace/orderstep.h"

/* --- tasks and regions ------------------------------------------------------------------------ */

/* A reference to the name with this string id. 0, -EBADMSG, -ENOMEM. */
static int step_name(struct order *o, const struct step *s, uint64_t id, struct order_name **ret_n)
{
	const struct gen_str *str = gen_str_get(s->gen, id);

	if (!str)
		return step_fail(s, "string %llu is not in its generation", ULL(id));
	*ret_n = order_name_get(o, str->s, str->hash);
	return *ret_n ? 0 : step_nomem(s);
}

int order_task_begin(struct order *o, const struct step *s)
{
	uint64_t id = s->ev->args[0], parent = s->ev->args[1];
	struct order_name *name = NULL;
	struct order_task *t;
	uint64_t *args;
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
	step_emit_own(o, s, s->ev->type, &args);
	memcpy(args, s->ev->args, sizeof(s->ev->args));
	args[1] = parent;
	return 1;
}

int order_task_end(struct order *o, const struct step *s)
{
	struct order_task *t = idtab_del(&o->tasks, s->ev->args[0]);
	uint64_t *args;
	struct order_event *e = step_emit_own(o, s, s->ev->type, &args);

	args[0] = s->ev->args[0];
	args[1] = s->ev->args[1];
	args[2] = t ? t->parent : GOTRACE_NO_TASK;
	e->name = (struct gotrace_str){ .p = "" };
	if (t) {
		e->name = (struct gotrace_str){ .p = t->name->text, .len = t->name->len };
		order_name_put(o, t->name);
		free(t);
	}
	return 1;
}

int order_region_begin(struct order *o, const struct step *s)
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
		return g ? step_nomem(s)
			 : step_fail(s, "goroutine %llu does not exist", ULL(s->m->g_id));
	}
	*r = (struct order_region){ .up = g->regions, .task = s->ev->args[0], .name = name };
	g->regions = r;
	step_emit(o, s, s->ev->type);
	return 1;
}

int order_region_end(struct order *o, const struct step *s)
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
			return step_fail(
				s,
				"region \"%.64s\" of task %llu ends on goroutine %llu, whose "
				"innermost one is \"%.64s\" of task %llu",
				name->text, ULL(s->ev->args[0]), ULL(g->id), r->name->text,
				ULL(r->task));
		g->regions = r->up;
		order_name_put(o, r->name);
		free(r);
	}
	/* else it began before the trace */
	step_emit(o, s, s->ev->type);
	return 1;
}

/* --- ranges ----------------------------------------------------------------------------------- */

/* Sequence numbers tie begin and end, which may be on different threads. */
int order_gc_active(struct order *o, const struct step *s)
{
	uint64_t seq = s->ev->args[0];
	int err;

	if (is_first_gen(o, s)) {
		if (o->gc != GC_UNKNOWN)
			return step_fail(
				s, "is not the first of the GC's events in the first generation");
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

int order_gc_begin(struct order *o, const struct step *s)
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

int order_gc_end(struct order *o, const struct step *s)
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

int order_sweep_begin(struct order *o, const struct step *s)
{
	return range_begin(o, s, &s->m->p->ranges, 0);
}

int order_sweep_active(struct order *o, const struct step *s)
{
	struct order_p *p = find_p(o, s->ev->args[0]);

	if (!p)
		return step_fail(s, "P %llu is unknown", ULL(s->ev->args[0]));
	return range_active(o, s, &p->ranges, EV_GC_SWEEP_BEGIN);
}

int order_sweep_end(struct order *o, const struct step *s)
{
	uint64_t desc;

	if (order_range_del(&s->m->p->ranges, EV_GC_SWEEP_BEGIN, &desc) < 0)
		return step_fail(s, "P %llu is not sweeping", ULL(s->m->p_id));
	step_emit(o, s, s->ev->type);
	return 1;
}

/* STWBegin, GCMarkAssistBegin */
int order_range_begin(struct order *o, const struct step *s)
{
	struct order_g *g = m_g(o, s->m);

	if (!g)
		return step_fail(s, "goroutine %llu does not exist", ULL(s->m->g_id));
	return range_begin(o, s, &g->ranges, s->ev->type == EV_STW_BEGIN ? s->ev->args[0] : 0);
}

int order_assist_active(struct order *o, const struct step *s)
{
	struct order_g *g = find_g(o, s->ev->args[0]);

	if (!g)
		return step_fail(s, "goroutine %llu is unknown", ULL(s->ev->args[0]));
	return range_active(o, s, &g->ranges, EV_GC_MARK_ASSIST_BEGIN);
}

/* STWEnd, GCMarkAssistEnd */
int order_range_end(struct order *o, const struct step *s)
{
	struct order_g *g = m_g(o, s->m);
	uint8_t begin = s->ev->type == EV_STW_END ? EV_STW_BEGIN : EV_GC_MARK_ASSIST_BEGIN;
	uint64_t desc, *args;

	if (!g)
		return step_fail(s, "goroutine %llu does not exist", ULL(s->m->g_id));
	if (order_range_del(&g->ranges, begin, &desc) < 0)
		return step_fail(s, "has not begun on goroutine %llu", ULL(g->id));
	step_emit_own(o, s, s->ev->type, &args);
	args[0] = desc;
	return 1;
}
