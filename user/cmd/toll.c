#include "cmd/toll.h"

enum { RATE_NS = 50 * 1000 * 1000 };

/*
 * Own CPU time between two hits that makes half of the difference between hot and cold; and by how
 * much the code behind a hit runs slower for a moment, since the kernel used the caches and
 * predictors. Both fitted to the workloads of tools/bench (docs/overhead.md, The estimate).
 */
static const double HALF_COLD_NS = 6000;
static const double BEHIND = 1.1;

static void add(struct toll *t, enum plan_part part, uint64_t hits, uint32_t price_ns)
{
	uint64_t ns = (uint64_t)((double)hits * price_ns * BEHIND * t->by);

	t->parts[part].hits += hits;
	t->parts[part].ns += ns;
	t->hits += hits;
	t->ns += ns;
}

static void rate_begin(struct toll *t, uint64_t now_ns, uint64_t cpu_ns)
{
	t->rate_from_ns = t->ns;
	t->rate_hits = t->hits;
	t->rate_cpu_ns = cpu_ns;
	t->rate_at_ns = now_ns;
}

/*
 * The share of its time that the target spends on hits, for the moments when they are not counted,
 * and how cold they are.
 */
static void keep_rate(struct toll *t, const struct capture *c, uint64_t now_ns, uint64_t cpu_ns)
{
	double own, hits = (double)(t->hits - t->rate_hits), each;

	if (capture_rung(c) == RUNG_PAUSED || !t->rate_at_ns) {
		rate_begin(t, now_ns, cpu_ns);
		return;
	}
	if (now_ns - t->rate_at_ns < RATE_NS)
		return;
	t->rate = (double)(t->ns - t->rate_from_ns) / (double)(now_ns - t->rate_at_ns);
	own = (double)(cpu_ns - t->rate_cpu_ns) - (double)(t->ns - t->rate_from_ns);
	each = own > 0 && hits > 0 ? own / hits : 0;
	if (hits > 0)
		t->by = 1 + (capture_price(c)->cold - 1) * each / (each + HALF_COLD_NS);
	rate_begin(t, now_ns, cpu_ns);
}

/* Syscalls of a probe and of a tracepoint leave the same records; the programs count the latter. */
static void add_traced(struct toll *t, const struct capture *c, uint64_t traced)
{
	const struct price *p = capture_price(c);
	uint64_t n = traced - t->traced, half = n / 2;

	t->traced = traced;
	add(t, PART_SYSCALLS, n, p->traced_ns);
	t->seen[HOOK_SYSCALL_ENTER] += n - half;
	t->seen[HOOK_SYSCALL_EXIT] += half;
}

void toll_update(struct toll *t, const struct capture *c, const struct model_stats *s,
		 uint64_t now_ns, uint64_t cpu_ns)
{
	const struct price *p = capture_price(c);
	struct rings_sums sums;
	uint64_t unseen;

	if (t->by < 1)
		t->by = 1;
	capture_sums(c, &sums);
	add_traced(t, c, sums.traced);
	for (unsigned h = 1; h < HOOK_BPF_END; h++) {
		uint64_t n = s->by_hook[h] + sums.lost_by[h];

		if (h == HOOK_HEAP || n <= t->seen[h])
			continue;
		add(t, plan_part(h), n - t->seen[h], capture_hit_ns(c, h));
		t->seen[h] = n;
	}
	add(t, PART_EXECUTE, sums.skipped - t->skipped, p->skipped_ns);
	add(t, PART_SYSCALLS, sums.passed - t->passed, p->passed_ns);
	t->skipped = sums.skipped;
	t->passed = sums.passed;
	/* Half of that time, probes are there: each goes at its own moment. */
	unseen = (uint64_t)(t->rate * (double)(capture_switch_ns(c) - t->switch_ns) / 2);
	t->other_ns += unseen;
	t->ns += unseen;
	t->switch_ns = capture_switch_ns(c);
	keep_rate(t, c, now_ns, cpu_ns);
}
