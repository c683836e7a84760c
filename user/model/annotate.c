/*
 * annotate.c - tasks, regions and logs of runtime/trace's user annotations.
 *
 * Readers refuse a task that begins twice and a region's end that does not match the innermost open
 * one (Go 1.26 internal/trace/order.go). So the model knows both: what a lost record left open is
 * ended before what contradicts it.
 *
 * A1  regions is what readers believe to be open on g, innermost first; at most REGIONS_MAX.
 * A2  tasks holds the ids of the tasks that readers believe to be active; at most TASKS_MAX.
 */
#include "model/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REGIONS_MAX = 1024, TASKS_MAX = 1024 * 1024 };

struct region {
	struct region *outer;
	uint64_t task;
	size_t len;
	char name[];
};

struct text {
	const char *p;
	size_t len;
};

/* The record's first or second text; empty if the record does not hold it. */
static struct text rec_text(const struct rec *r, unsigned which)
{
	uint64_t len = which ? r->p >> 32 : (uint32_t)r->p;

	if (len > REC_TEXT_EACH || r->len < sizeof(*r) + REC_TEXT_PC * 8 + 2 * REC_TEXT_EACH)
		return (struct text){ .p = "" };
	return (struct text){ .p = (const char *)&r->pcs[REC_TEXT_PC] + which * REC_TEXT_EACH,
			      .len = (size_t)len };
}

static uint64_t text_id(struct model *mo, struct text t)
{
	return genwriter_string(mo->w, t.p, t.len);
}

void regions_forget(struct g *g)
{
	while (g->regions) {
		struct region *r = g->regions;

		g->regions = r->outer;
		free(r);
	}
	g->region_cnt = 0;
}

static bool region_is(const struct region *r, uint64_t task, struct text name)
{
	return r->task == task && r->len == name.len && memcmp(r->name, name.p, name.len) == 0;
}

static void region_begin(struct model *mo, struct g *g, uint64_t task, struct text name,
			 uint64_t stack)
{
	struct region *r;

	if (g->region_cnt >= REGIONS_MAX) {
		repaired(mo, REPAIR_IGNORED);
		return;
	}
	r = malloc(sizeof(*r) + name.len);
	if (!r) {
		mo->err = -ENOMEM;
		return;
	}
	*r = (struct region){ .outer = g->regions, .task = task, .len = name.len };
	memcpy(r->name, name.p, name.len);
	g->regions = r;
	g->region_cnt++;
	EV(mo, g->m, EV_USER_REGION_BEGIN, task, text_id(mo, name), stack);
}

/* Ends the innermost region for readers and forgets it. */
static void region_pop(struct model *mo, struct g *g, uint64_t stack)
{
	struct region *r = g->regions;
	struct text name = { r->name, r->len };

	EV(mo, g->m, EV_USER_REGION_END, r->task, text_id(mo, name), stack);
	g->regions = r->outer;
	g->region_cnt--;
	free(r);
}

static void region_end(struct model *mo, struct g *g, uint64_t task, struct text name,
		       uint64_t stack)
{
	const struct region *r = g->regions;

	if (!r) {
		/* It began before the trace. */
		EV(mo, g->m, EV_USER_REGION_END, task, text_id(mo, name), stack);
		return;
	}
	while (r && !region_is(r, task, name))
		r = r->outer;
	if (!r) {
		repaired(mo, REPAIR_IGNORED); /* its begin was lost, and others are open */
		return;
	}
	/* Those inside of it have ended unseen. */
	while (g->regions != r) {
		region_pop(mo, g, 0);
		repaired(mo, REPAIR_REGION);
	}
	region_pop(mo, g, stack);
}

static void task_begin(struct model *mo, struct g *g, const struct rec *r, uint64_t stack)
{
	if (r->x == UINT64_MAX || (!map_find(&mo->tasks, r->x) && mo->tasks.cnt >= TASKS_MAX)) {
		repaired(mo, REPAIR_IGNORED);
		return;
	}
	if (map_find(&mo->tasks, r->x)) {
		EV(mo, g->m, EV_USER_TASK_END, r->x, 0);
		repaired(mo, REPAIR_REGION);
	} else if (map_put(&mo->tasks, r->x, 1) < 0) {
		mo->err = -ENOMEM;
		return;
	}
	EV(mo, g->m, EV_USER_TASK_BEGIN, r->x, r->y, text_id(mo, rec_text(r, 0)), stack);
}

static void task_end(struct model *mo, struct g *g, const struct rec *r, uint64_t stack)
{
	if (r->x == UINT64_MAX) {
		repaired(mo, REPAIR_IGNORED);
		return;
	}
	(void)map_del(&mo->tasks, r->x);
	EV(mo, g->m, EV_USER_TASK_END, r->x, stack);
}

void annotate(struct model *mo, struct g *g, const struct rec *r, uint64_t stack)
{
	switch (r->hook) {
	case HOOK_TASK_BEGIN:
		task_begin(mo, g, r, stack);
		break;
	case HOOK_TASK_END:
		task_end(mo, g, r, stack);
		break;
	case HOOK_REGION:
		if (r->y)
			region_end(mo, g, r->x, rec_text(r, 0), stack);
		else
			region_begin(mo, g, r->x, rec_text(r, 0), stack);
		break;
	case HOOK_LOG: {
		uint64_t key = text_id(mo, rec_text(r, 0));

		EV(mo, g->m, EV_USER_LOG, r->x, key, text_id(mo, rec_text(r, 1)), stack);
		break;
	}
	default:
		break;
	}
}
