#include "report/groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

int groups_init(struct groups *gs, size_t lived)
{
	int err;

	*gs = (struct groups){ 0 };
	err = tab_init(&gs->tab, sizeof(struct group), LIMIT_REPORT_ROWS);
	return err ? err : longest_init(&gs->lived, lived);
}

void gostat_done(struct gostat *st)
{
	tally_done(&st->blocks);
	tally_done(&st->ranges);
	*st = (struct gostat){ 0 };
}

void groups_restart(struct groups *gs)
{
	for (size_t i = 0; i < gs->tab.cnt; i++) {
		struct group *g = tab_row(&gs->tab, i);

		gostat_done(&g->st);
		free(g->latency);
	}
	tab_reset(&gs->tab);
	longest_reset(&gs->lived);
}

void groups_done(struct groups *gs)
{
	groups_restart(gs);
	tab_done(&gs->tab);
	longest_done(&gs->lived);
}

int64_t gostat_unknown(const struct gostat *st)
{
	int64_t sum = st->exec + st->sched + st->syscall + st->sysblock + tally_sum(&st->blocks);

	return sum < st->total ? st->total - sum : 0;
}

void groups_add(struct groups *gs, uint32_t name, int64_t id, int64_t create, bool ended,
		const struct gostat *st)
{
	struct group *g = tab_get(&gs->tab, name);

	g->cnt++;
	g->ended += ended;
	g->st.exec += st->exec;
	g->st.sched += st->sched;
	g->st.syscall += st->syscall;
	g->st.sysblock += st->sysblock;
	g->st.total += st->total;
	g->unknown += gostat_unknown(st);
	if (!tally_merge(&g->st.blocks, &st->blocks) || !tally_merge(&g->st.ranges, &st->ranges))
		gs->failed = true;
	if (longest_wants(&gs->lived, st->total) && (!gs->wants || gs->wants(gs->ctx, name)))
		longest_add(&gs->lived, &(struct longest_item){ .ns = st->total,
								.start = create,
								.g = id,
								.g2 = -1,
								.name = name,
								.extra = st->exec });
}

void groups_latency(struct groups *gs, uint32_t name, int64_t ns, int64_t at)
{
	struct group *g = tab_get(&gs->tab, name);

	if (!g->latency)
		g->latency = calloc(1, sizeof(*g->latency));
	if (g->latency)
		hist_add(g->latency, ns, at);
	else
		gs->failed = true;
}
