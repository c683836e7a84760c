#include "cmd/toll.h"

enum { RATE_NS = 50 * 1000 * 1000 };

static void add(struct toll *t, enum plan_part part, uint64_t hits, uint32_t price_ns)
{
	t->parts[part].hits += hits;
	t->parts[part].ns += hits * price_ns;
	t->hits += hits;
	t->ns += hits * price_ns;
}

/* The share of its time that the target spends on hits: for the moments when they are not counted. */
static void keep_rate(struct toll *t, const struct capture *c, uint64_t now_ns)
{
	if (capture_rung(c) == RUNG_PAUSED || !t->rate_at_ns) {
		t->rate_from_ns = t->ns;
		t->rate_at_ns = now_ns;
	} else if (now_ns - t->rate_at_ns >= RATE_NS) {
		t->rate = (double)(t->ns - t->rate_from_ns) / (double)(now_ns - t->rate_at_ns);
		t->rate_from_ns = t->ns;
		t->rate_at_ns = now_ns;
	}
}

void toll_update(struct toll *t, const struct capture *c, const struct model_stats *s,
		 uint64_t now_ns)
{
	const struct price *p = capture_price(c);
	struct rings_sums sums;
	uint64_t unseen;

	capture_sums(c, &sums);
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
	keep_rate(t, c, now_ns);
}
