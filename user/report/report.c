#include "report/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

static bool lived_wants(void *ctx, uint32_t name)
{
	return report_wants(ctx, name);
}

static int report_init(struct report *r)
{
	size_t top = r->opts.top, slow = r->opts.slowest;
	int err = intern_init(&r->in);

	if (err)
		return err;
	goros_init(&r->goros, &r->in, &r->groups);
	life_init(&r->life, r->opts.goroutine);
	mmu_init(&r->mmu);
	err = groups_init(&r->groups, r->opts.group ? top : 0);
	r->groups.wants = lived_wants;
	r->groups.ctx = r;
	if (!err)
		err = sites_init(&r->sites);
	if (!err)
		err = wakes_init(&r->wakes, top);
	if (!err)
		err = pools_init(&r->pools, &r->in);
	if (!err)
		err = procs_init(&r->procs, top);
	if (!err)
		err = gc_init(&r->gc, top);
	if (!err)
		err = user_init(&r->user);
	return err ? err : slowest_init(&r->slowest, slow);
}

int report_new(const struct report_opts *opts, struct report **ret_r)
{
	struct report *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->opts = *opts;
	r->inside = !opts->has_from;
	err = report_init(r);
	if (err) {
		report_free(r);
		return err;
	}
	*ret_r = r;
	return 0;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	slowest_done(&r->slowest);
	user_done(&r->user);
	gc_done(&r->gc);
	procs_done(&r->procs);
	pools_done(&r->pools);
	wakes_done(&r->wakes);
	sites_done(&r->sites);
	groups_done(&r->groups);
	mmu_done(&r->mmu);
	life_done(&r->life);
	goros_done(&r->goros);
	intern_done(&r->in);
	free(r->match);
	free(r);
}

static bool match_grow(struct report *r, uint32_t name)
{
	size_t cap = (size_t)name + 256;
	uint8_t *p = realloc(r->match, cap);

	if (!p) {
		r->in.failed = true;
		return false;
	}
	memset(p + r->match_cap, 0, cap - r->match_cap);
	r->match = p;
	r->match_cap = cap;
	return true;
}

bool report_wants(struct report *r, uint32_t name)
{
	if (!r->opts.group)
		return true;
	if (name >= r->match_cap && !match_grow(r, name))
		return false;
	if (!r->match[name])
		r->match[name] = strstr(intern_get(&r->in, name), r->opts.group) ? 2 : 1;
	return r->match[name] == 2;
}

static void report_stint(struct report *r, const struct gotrace_event *ev, const struct stint *st)
{
	if (st->next == GOTRACE_GO_NOT_EXIST)
		user_ended(&r->user, st->g->id);
	if (r->opts.goroutine >= 0)
		life_feed(&r->life, ev, st, &r->goros);
	if (!report_wants(r, st->g->name) &&
	    (st->state != GOTRACE_GO_WAITING ||
	     !report_wants(r, goros_name(&r->goros, ev->goroutine))))
		return;
	wakes_feed(&r->wakes, ev, st, &r->goros, &r->groups);
	if (!report_wants(r, st->g->name))
		return;
	sites_feed(&r->sites, st);
	pools_feed(&r->pools, ev, st, &r->in);
	slowest_feed(&r->slowest, ev, st, &r->in);
}

static void report_restart(struct report *r, int64_t t)
{
	groups_restart(&r->groups);
	goros_restart(&r->goros, t);
	sites_restart(&r->sites);
	wakes_restart(&r->wakes);
	pools_restart(&r->pools);
	procs_restart(&r->procs, t);
	gc_restart(&r->gc, t);
	mmu_restart(&r->mmu, t);
	user_restart(&r->user, t);
	slowest_restart(&r->slowest);
	life_restart(&r->life);
	r->events = r->samples = 0;
	r->quiet_ns = 0;
	r->begin = r->last = t;
	r->inside = true;
}

/* Sums of times must not overflow: a trace that is longer than any recording is refused. */
static bool report_is_sane(struct report *r, const struct gotrace_event *ev)
{
	const int64_t most = (int64_t)LIMIT_REPORT_DAYS * 24 * 3600 * 1000000000;

	if (ev->time >= 0 && (!r->first || ev->time - r->first < most))
		return true;
	r->error = (struct gotrace_error){ .code = -E2BIG, .offset = GOTRACE_NO_OFFSET };
	snprintf(r->error.text, sizeof(r->error.text),
		 "an event at %lld ns: before the clock's zero, or more than %d days behind the "
		 "first",
		 (long long)ev->time, LIMIT_REPORT_DAYS);
	return false;
}

/* The window's edges. False: ev is behind it. */
static bool report_edge(struct report *r, const struct gotrace_event *ev)
{
	if (!r->first)
		r->first = r->begin = r->last = ev->time;
	if (r->opts.has_to && ev->time - r->first >= r->opts.to_ns) {
		r->over = true;
		return false;
	}
	if (!r->inside && ev->time - r->first >= r->opts.from_ns)
		report_restart(r, r->first + r->opts.from_ns);
	return true;
}

static void report_sync(struct report *r, const struct gotrace_event *ev)
{
	intern_forget(&r->in);
	if (ev->u.sync.has_clock && !r->has_clock) {
		r->has_clock = true;
		r->clock = ev->u.sync.clock;
	}
}

static bool report_feed(struct report *r, const struct gotrace_event *ev)
{
	struct stint s;
	const struct stint *st;

	if (ev->kind == GOTRACE_SYNC)
		report_sync(r, ev);
	if (!report_is_sane(r, ev) || !report_edge(r, ev))
		return false;
	if (ev->time - r->last > r->quiet_ns) {
		r->quiet_ns = ev->time - r->last;
		r->quiet_at = r->last;
	}
	r->last = ev->time;
	r->events++;
	st = goros_feed(&r->goros, ev, &s) ? &s : NULL;
	if (st)
		report_stint(r, ev, st);
	procs_feed(&r->procs, ev, st, &r->goros);
	gc_feed(&r->gc, ev, st, &r->goros, &r->slowest);
	mmu_feed(&r->mmu, ev, st, &r->goros);
	if (ev->kind == GOTRACE_STACK_SAMPLE)
		r->samples++;
	else if (ev->kind >= GOTRACE_TASK_BEGIN && ev->kind <= GOTRACE_LOG)
		user_feed(&r->user, ev, &r->goros, &r->slowest);
	return true;
}

/* The runtime's own wait for work. */
static bool is_runtimes(struct report *r, const struct goro *g)
{
	const char *name = intern_get(&r->in, g->name);

	return !strncmp(name, "runtime.", 8) && strcmp(name, "runtime.main");
}

static void report_still(struct report *r)
{
	struct map_slot slot;

	for (size_t pos = 0; map_next(&r->goros.live, &pos, &slot);) {
		const struct goro *g = (const struct goro *)(uintptr_t)slot.val;

		if (report_wants(r, g->name) && !is_runtimes(r, g))
			sites_feed_still(&r->sites, g, r->end);
	}
}

static void report_finish(struct report *r)
{
	if (!r->inside && r->first)
		report_restart(r, r->first + r->opts.from_ns);
	r->end = r->over ? r->first + r->opts.to_ns : r->last;
	life_finish(&r->life, &r->goros, r->end);
	pools_finish(&r->pools, &r->goros, &r->in, r->end);
	report_still(r);
	goros_finish(&r->goros, r->end);
	procs_finish(&r->procs, r->end);
	gc_finish(&r->gc, r->end);
	mmu_finish(&r->mmu, r->end);
	slowest_finish(&r->slowest);
	longest_sort(&r->wakes.late);
	longest_sort(&r->groups.lived);
}

static bool report_failed(const struct report *r)
{
	return r->in.failed || r->goros.failed || r->groups.failed || r->groups.tab.failed ||
	       r->sites.blocked.failed || r->sites.still.failed || r->sites.syscalls.failed || r->wakes.tab.failed ||
	       r->pools.failed || r->pools.places.failed || r->procs.failed || r->gc.failed ||
	       r->gc.stws.failed || r->gc.assisted.failed || r->mmu.failed || r->user.failed ||
	       r->user.tasks.failed || r->user.regions.failed || r->user.categories.failed ||
	       r->life.failed;
}

int report_read(struct report *r, struct gotrace *t)
{
	struct gotrace_event ev;
	int rc;

	while ((rc = gotrace_next(t, &ev)) > 0)
		if (!report_feed(r, &ev))
			break;
	if (rc < 0)
		r->error = *gotrace_get_error(t);
	gotrace_get_info(t, &r->info);
	report_finish(r);
	return report_failed(r) ? -ENOMEM : 0;
}
