#include "report/sites.h"

#include <string.h>

#include "base/limits.h"

int sites_init(struct sites *s)
{
	int err;

	memset(s, 0, sizeof(*s));
	err = tab_init(&s->blocked, sizeof(struct site), LIMIT_REPORT_ROWS);
	if (!err)
		err = tab_init(&s->still, sizeof(struct site), LIMIT_REPORT_ROWS);
	return err ? err : tab_init(&s->syscalls, sizeof(struct site), LIMIT_REPORT_ROWS);
}

void sites_done(struct sites *s)
{
	tab_done(&s->blocked);
	tab_done(&s->still);
	tab_done(&s->syscalls);
}

void sites_restart(struct sites *s)
{
	tab_reset(&s->blocked);
	tab_reset(&s->still);
	tab_reset(&s->syscalls);
	s->syscall = (struct hist){ 0 };
	s->slow_cnt = 0;
}

static void site_add(struct tab *t, const struct stint *st, uint32_t reason)
{
	struct site *row = tab_get(t, (uint64_t)st->stack << 32 | reason);
	int64_t ns = st->end - st->start;

	if (row->key != TAB_OTHER) {
		row->stack = st->stack;
		row->reason = reason;
	}
	row->ns += ns;
	if (!row->cnt++ || ns > row->max) {
		row->max = ns;
		row->max_at = st->start;
		row->max_g = st->g->id;
		row->clipped = st->clipped;
	}
}

void sites_feed(struct sites *s, const struct stint *st)
{
	if (st->state == GOTRACE_GO_WAITING) {
		site_add(&s->blocked, st, st->reason);
	} else if (st->state == GOTRACE_GO_SYSCALL) {
		site_add(&s->syscalls, st, 0);
		hist_add(&s->syscall, st->end - st->start, st->start);
		s->slow_cnt += st->end - st->start >= SITES_SLOW_NS;
	}
}

void sites_feed_still(struct sites *s, const struct goro *g, int64_t end)
{
	struct stint st = { .g = g, .start = g->since, .end = end, .clipped = g->clipped, .stack = g->stack };

	if (g->state == GOTRACE_GO_WAITING)
		site_add(&s->still, &st, g->reason);
}
