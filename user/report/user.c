#include "report/user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USER_TYPES = 1024, DEPTH_MAX = 255 };

int user_init(struct user *u)
{
	int err;

	memset(u, 0, sizeof(*u));
	err = tab_init(&u->tasks, sizeof(struct user_type), USER_TYPES);
	if (!err)
		err = tab_init(&u->regions, sizeof(struct user_type), USER_TYPES);
	return err ? err : tab_init(&u->categories, sizeof(struct user_category), USER_TYPES);
}

static void types_reset(struct tab *t)
{
	for (size_t i = 0; i < t->cnt; i++)
		free(((struct user_type *)tab_row(t, i))->hist);
	tab_reset(t);
}

void user_done(struct user *u)
{
	types_reset(&u->tasks);
	types_reset(&u->regions);
	tab_done(&u->tasks);
	tab_done(&u->regions);
	tab_done(&u->categories);
	map_done(&u->open_tasks);
	map_done(&u->depth);
	map_done(&u->begins);
}

void user_restart(struct user *u, int64_t t)
{
	types_reset(&u->tasks);
	types_reset(&u->regions);
	tab_reset(&u->categories);
	u->log_cnt = 0;
	map_set_all(&u->open_tasks, (uint64_t)t);
	map_set_all(&u->begins, (uint64_t)t);
}

static uint64_t region_key(int64_t g, uint64_t depth)
{
	return (uint64_t)g << 8 | (depth < DEPTH_MAX ? depth : DEPTH_MAX);
}

void user_ended(struct user *u, int64_t g)
{
	const uint64_t *depth = map_find(&u->depth, (uint64_t)g);

	if (!depth)
		return;
	for (uint64_t i = 0; i <= *depth && i <= DEPTH_MAX; i++)
		map_del(&u->begins, region_key(g, i));
	map_del(&u->depth, (uint64_t)g);
}

/* One of a type ended; since: its begin, or NULL. */
static void type_end(struct user *u, struct user_type *row, const uint64_t *since, int64_t t)
{
	row->ended++;
	if (!since)
		return;
	if (!row->hist)
		row->hist = calloc(1, sizeof(*row->hist));
	if (row->hist)
		hist_add(row->hist, t - (int64_t)*since, (int64_t)*since);
	else
		u->failed = true;
}

static void slow_add(struct slowest *slow, enum slowest_kind kind, const struct gotrace_event *ev,
		     const struct goros *gs, uint32_t type, const uint64_t *since, uint64_t id)
{
	int64_t ns = since ? ev->time - (int64_t)*since : 0;

	if (since && slowest_wants(slow, kind, ns))
		slowest_add(slow, kind,
			    &(struct longest_item){ .ns = ns,
						    .start = (int64_t)*since,
						    .g = ev->goroutine,
						    .g2 = -1,
						    .name = goros_name(gs, ev->goroutine),
						    .detail = type,
						    .extra = (int64_t)id });
}

static void task(struct user *u, const struct gotrace_event *ev, const struct goros *gs,
		 struct slowest *slow)
{
	uint64_t id = ev->u.task.id;
	uint32_t type = intern_name(gs->in, ev->u.task.type);
	struct user_type *row = tab_get(&u->tasks, type);
	const uint64_t *since;

	if (ev->kind == GOTRACE_TASK_BEGIN) {
		row->begun++;
		if (map_put(&u->open_tasks, id, (uint64_t)ev->time) < 0)
			u->failed = true;
		return;
	}
	since = map_find(&u->open_tasks, id);
	type_end(u, row, since, ev->time);
	slow_add(slow, SLOWEST_TASK, ev, gs, type, since, id);
	map_del(&u->open_tasks, id);
}

static void region(struct user *u, const struct gotrace_event *ev, const struct goros *gs,
		   struct slowest *slow)
{
	uint32_t type = intern_name(gs->in, ev->u.region.type);
	struct user_type *row = tab_get(&u->regions, type);
	uint64_t depth = map_get(&u->depth, (uint64_t)ev->goroutine, 0), key;
	const uint64_t *since;

	if (ev->kind == GOTRACE_REGION_BEGIN) {
		row->begun++;
		key = region_key(ev->goroutine, depth);
		if (map_put(&u->begins, key, (uint64_t)ev->time) < 0 ||
		    map_put(&u->depth, (uint64_t)ev->goroutine, depth + 1) < 0)
			u->failed = true;
		return;
	}
	if (!depth) {
		type_end(u, row, NULL, ev->time);
		return;
	}
	key = region_key(ev->goroutine, depth - 1);
	since = map_find(&u->begins, key);
	type_end(u, row, since, ev->time);
	slow_add(slow, SLOWEST_REGION, ev, gs, type, since, ev->u.region.task);
	map_del(&u->begins, key);
	*map_find(&u->depth, (uint64_t)ev->goroutine) = depth - 1;
}

static void log_line(struct user *u, const struct gotrace_event *ev, const struct goros *gs)
{
	const struct gotrace_log *l = &ev->u.log;
	struct user_log *row = &u->logs[u->log_cnt++ % USER_LOGS];
	struct user_category *c;

	*row = (struct user_log){ .at = ev->time,
				  .g = ev->goroutine,
				  .task = l->task,
				  .category = intern_name(gs->in, l->category) };
	snprintf(row->text, sizeof(row->text), "%s", l->message.p);
	c = tab_get(&u->categories, row->category);
	c->cnt++;
}

void user_feed(struct user *u, const struct gotrace_event *ev, const struct goros *gs,
	       struct slowest *slow)
{
	switch (ev->kind) {
	case GOTRACE_TASK_BEGIN:
	case GOTRACE_TASK_END:
		task(u, ev, gs, slow);
		break;
	case GOTRACE_REGION_BEGIN:
	case GOTRACE_REGION_END:
		region(u, ev, gs, slow);
		break;
	case GOTRACE_LOG:
		log_line(u, ev, gs);
		break;
	default:
		break;
	}
}
