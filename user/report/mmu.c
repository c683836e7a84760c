#include "report/mmu.h"

#include <stdlib.h>
#include <string.h>

enum { MS = 1000 * 1000, MMU_STEPS_MAX = 1 << 20 };

const int64_t mmu_windows[MMU_WINDOWS] = { MS,	    5 * MS,   10 * MS,	50 * MS,
					   100 * MS, 500 * MS, 1000 * MS };

static void mmu_forget(struct mmu *m)
{
	m->head = m->cnt = 0;
	m->first = 0;
	memset(m->left, 0, sizeof(m->left));
	memset(m->min_at, 0, sizeof(m->min_at));
	for (unsigned i = 0; i < MMU_WINDOWS; i++)
		m->min[i] = 2;
}

void mmu_init(struct mmu *m)
{
	memset(m, 0, sizeof(*m));
	mmu_forget(m);
}

void mmu_done(struct mmu *m)
{
	free(m->steps);
	map_done(&m->workers);
	map_done(&m->assists);
	memset(m, 0, sizeof(*m));
}

static struct mmu_step *step_at(const struct mmu *m, uint64_t n)
{
	return &m->steps[(m->head + (size_t)(n - m->first)) & (m->cap - 1)];
}

static struct mmu_step *step_last(const struct mmu *m)
{
	return step_at(m, m->first + m->cnt - 1);
}

static bool steps_grow(struct mmu *m)
{
	size_t cap = m->cap ? m->cap * 2 : 1024;
	struct mmu_step *p;

	if (cap > MMU_STEPS_MAX) {
		m->coarse = true;
		return false;
	}
	p = calloc(cap, sizeof(*p));
	if (!p) {
		m->failed = true;
		return false;
	}
	for (size_t i = 0; i < m->cnt; i++)
		p[i] = m->steps[(m->head + i) & (m->cap - 1)];
	free(m->steps);
	m->steps = p;
	m->cap = cap;
	m->head = 0;
	return true;
}

static void step_add(struct mmu *m, struct mmu_step s)
{
	if (m->cnt == m->cap && !steps_grow(m))
		return;
	m->cnt++;
	*step_last(m) = s;
}

static void window_is(struct mmu *m, unsigned i, int64_t start, double sum)
{
	double util = sum / (double)mmu_windows[i];

	if (util < m->min[i]) {
		m->min[i] = util < 0 ? 0 : util;
		m->min_at[i] = start;
	}
}

/* The integral up to t, which lies in step s or at its end. */
static double sum_at(const struct mmu_step *s, int64_t t)
{
	return s->before + s->util * (double)(t - s->t);
}

/* All windows that end at or before t, the end of the last step, and were not looked at. */
static void windows_to(struct mmu *m, int64_t t)
{
	const struct mmu_step *last = step_last(m);
	uint64_t oldest = m->first + m->cnt - 1;

	for (unsigned i = 0; i < MMU_WINDOWS; i++) {
		int64_t w = mmu_windows[i];
		const struct mmu_step *s;

		for (; m->left[i] < m->first + m->cnt; m->left[i]++) {
			s = step_at(m, m->left[i]);
			if (s->t + w > t)
				break;
			window_is(m, i, s->t, sum_at(last, s->t + w) - s->before);
		}
		if (m->left[i] > m->first) {
			s = step_at(m, m->left[i] - 1);
			window_is(m, i, t - w, sum_at(last, t) - sum_at(s, t - w));
		}
		if (m->left[i] && m->left[i] - 1 < oldest)
			oldest = m->left[i] - 1;
		else if (!m->left[i])
			oldest = 0;
	}
	for (; m->first < oldest; m->first++, m->cnt--) /* V1 */
		m->head = (m->head + 1) & (m->cap - 1);
}

static void mmu_step_to(struct mmu *m, int64_t t)
{
	double util = m->stw ? 0 : 1 - (double)m->gc_ps / (double)m->procs;
	struct mmu_step *last;

	if (!m->begin || !m->procs)
		return;
	if (util < 0)
		util = 0;
	last = step_last(m);
	if (util == last->util)
		return;
	windows_to(m, t);
	last = step_last(m);
	step_add(m, (struct mmu_step){ .t = t, .util = util, .before = sum_at(last, t) });
}

static void mmu_begin(struct mmu *m, int64_t t)
{
	m->begin = t;
	step_add(m, (struct mmu_step){ .t = t, .util = 1 });
	if (m->failed)
		m->begin = 0;
	else
		mmu_step_to(m, t);
}

void mmu_restart(struct mmu *m, int64_t t)
{
	double util = m->begin ? step_last(m)->util : 1;

	mmu_forget(m);
	if (!m->begin)
		return;
	m->begin = t;
	step_add(m, (struct mmu_step){ .t = t, .util = util });
}

static void set_put(struct mmu *m, struct map *set, int64_t g, uint64_t val)
{
	if (map_put(set, (uint64_t)g, val) < 0)
		m->failed = true;
}

static bool is_executing(unsigned state)
{
	return state == GOTRACE_GO_RUNNING || state == GOTRACE_GO_SYSCALL;
}

static void mmu_stint(struct mmu *m, const struct stint *st)
{
	bool was = is_executing(st->state), is = is_executing(st->next);
	uint64_t *a;

	if (was == is)
		return;
	if (was && map_del(&m->workers, (uint64_t)st->g->id)) /* V2 */
		m->gc_ps--;
	a = map_find(&m->assists, (uint64_t)st->g->id);
	if (!a)
		return;
	m->gc_ps += is;
	m->gc_ps -= *a;
	*a = is;
}

static bool is_assist(const struct gotrace_range *r)
{
	return r->scope.kind == GOTRACE_RESOURCE_GOROUTINE && r->name.p[0] == 'G';
}

static bool is_gc_stw(const struct gotrace_range *r)
{
	return r->name.p[0] == 's' && strstr(r->name.p, "GC");
}

static void mmu_range(struct mmu *m, const struct gotrace_event *ev, const struct goros *gs)
{
	const struct gotrace_range *r = &ev->u.range;
	const struct goro *g;
	uint64_t *a;

	if (is_gc_stw(r)) {
		if (ev->kind == GOTRACE_RANGE_END)
			m->stw -= m->stw > 0;
		else if (ev->kind == GOTRACE_RANGE_BEGIN)
			m->stw++;
		return;
	}
	if (!is_assist(r))
		return;
	a = map_find(&m->assists, (uint64_t)r->scope.id);
	if (ev->kind == GOTRACE_RANGE_END && a) {
		m->gc_ps -= *a;
		map_del(&m->assists, (uint64_t)r->scope.id);
	} else if (ev->kind != GOTRACE_RANGE_END && !a) {
		g = goros_find(gs, r->scope.id);
		set_put(m, &m->assists, r->scope.id, g && is_executing(g->state));
		m->gc_ps += g && is_executing(g->state);
	}
}

static void mmu_label(struct mmu *m, const struct gotrace_event *ev)
{
	const struct gotrace_label *l = &ev->u.label;

	if (strncmp(l->label.p, "GC ", 3) || !strcmp(l->label.p, "GC (idle)") ||
	    ev->goroutine < 0 || map_find(&m->workers, (uint64_t)ev->goroutine))
		return;
	set_put(m, &m->workers, ev->goroutine, 1);
	m->gc_ps++;
}

void mmu_feed(struct mmu *m, const struct gotrace_event *ev, const struct stint *st,
	      const struct goros *gs)
{
	switch (ev->kind) {
	case GOTRACE_STATE_TRANSITION:
		if (!st || !(m->workers.cnt | m->assists.cnt))
			return;
		mmu_stint(m, st);
		break;
	case GOTRACE_RANGE_BEGIN:
	case GOTRACE_RANGE_ACTIVE:
	case GOTRACE_RANGE_END:
		mmu_range(m, ev, gs);
		break;
	case GOTRACE_LABEL:
		mmu_label(m, ev);
		break;
	case GOTRACE_METRIC:
		if (strcmp(ev->u.metric.name, GOTRACE_METRIC_GOMAXPROCS) || !ev->u.metric.value)
			return;
		m->procs = ev->u.metric.value;
		if (!m->begin)
			mmu_begin(m, ev->time);
		break;
	default:
		return;
	}
	mmu_step_to(m, ev->time);
}

void mmu_finish(struct mmu *m, int64_t t)
{
	if (!m->begin || t <= m->begin)
		return;
	windows_to(m, t);
	m->mean = sum_at(step_last(m), t) / (double)(t - m->begin);
}
