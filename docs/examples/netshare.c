/* netshare.c - what share of all blocking waited for the network?  cc netshare.c -lgotrace */
#include <gotrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block { int64_t since; int network; };	/* by goroutine; since 0: not blocked */

int main(int argc, char **argv)
{
	struct gotrace_error err;
	struct gotrace_event ev;
	struct gotrace *t;
	struct block *gs = NULL;
	int64_t cap = 0, ns[2] = { 0, 0 };
	int rc;

	if (argc != 2 || gotrace_open_path(argv[1], GOTRACE_AHEAD, &t, &err) < 0)
		return fprintf(stderr, "%s\n", argc == 2 ? err.text : "usage: netshare TRACE"), 1;
	while ((rc = gotrace_next(t, &ev)) > 0) {
		const struct gotrace_transition *tr = &ev.u.transition;
		int64_t g = tr->resource.id;

		if (ev.kind != GOTRACE_STATE_TRANSITION || tr->resource.kind != GOTRACE_RESOURCE_GOROUTINE)
			continue;
		if (g >= cap && (gs = realloc(gs, (size_t)(2 * g + 64) * sizeof(*gs)))) {
			memset(gs + cap, 0, (size_t)(2 * g + 64 - cap) * sizeof(*gs));
			cap = 2 * g + 64;
		}
		if (tr->from == GOTRACE_GO_WAITING && tr->to != GOTRACE_GO_WAITING && gs[g].since)
			ns[gs[g].network] += ev.time - gs[g].since;
		if (tr->from != GOTRACE_GO_WAITING)
			gs[g] = (struct block){ tr->to == GOTRACE_GO_WAITING ? ev.time : 0,
						!strcmp(tr->reason.p, "network") };
	}
	if (rc < 0)
		fprintf(stderr, "%s: %s\n", argv[1], gotrace_get_error(t)->text);
	printf("%.3f s blocked, %.1f %% of it on the network\n", (double)(ns[0] + ns[1]) / 1e9,
	       ns[0] + ns[1] ? 100.0 * (double)ns[1] / (double)(ns[0] + ns[1]) : 0.0);
	gotrace_close(t);
	free(gs);
	return rc < 0;
}
