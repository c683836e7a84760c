/*
 * running.bpf.h - which goroutine runs on a thread, seen from its system stack.
 */
#ifndef RUNNING_BPF_H
#define RUNNING_BPF_H

/*
 * Which goroutine runs on a thread, by the thread's g0: saves a wake-up the look into its m. A hint
 * that its user proves (running_hint): slots are shared by whoever hashes there, hooks may be off.
 * A slot is a cache line; g0 0: none.
 */
enum { RUNNING_BITS = 12, RUNNING_BUSY = 1 };

struct running {
	u64 g0, m, g;
	u64 pad[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << RUNNING_BITS);
	__type(key, __u32);
	__type(value, struct running);
} runnings SEC(".maps");

static __always_inline struct running *running_slot(u64 g0)
{
	u32 at = addr_slot(g0, RUNNING_BITS);

	return bpf_map_lookup_elem(&runnings, &at);
}

/* The slot of g0 is ours until g0 is written again: m and g of two threads must not come together. */
static __always_inline bool running_claim(volatile struct running *s, u64 g0)
{
	return g0 != RUNNING_BUSY &&
	       __sync_val_compare_and_swap((u64 *)&s->g0, g0, RUNNING_BUSY) == g0;
}

/* g runs on the thread of g0 from now on. */
static __always_inline void running_set(u64 g0, u64 g)
{
	volatile struct running *s = running_slot(g0);
	u64 old;

	if (!s)
		return;
	old = s->g0;
	if (old == g0) {
		s->g = g;
	} else if (running_claim(s, old)) {
		s->m = 0;
		s->g = g;
		s->g0 = g0;
	}
}

/* What is read of a thread's m. */
struct of_m {
	u64 m, curg, p;
};

/* From the m of g, the thread's own goroutine or its g0. A small answer: the callers have little stack. */
__noinline int look_m(struct of_m *ret, u64 g)
{
	u32 cpu = bpf_get_smp_processor_id();
	char b[M_BLOCK] BLOCK_ALIGNED;

	if (!ret)
		return 0;
	if (bpf_probe_read_user(&ret->m, sizeof(ret->m), (const void *)(g + cfg.g_m)) ||
	    bpf_probe_read_user(b, sizeof(b), (const void *)(ret->m + cfg.m_curg))) {
		fault_on(cpu);
		return 0;
	}
	ret->curg = word(b, 0);
	ret->p = word(b, (u32)(cfg.m_p - cfg.m_curg));
	return 0;
}

/*
 * The goroutine on the thread of g0, and the first G_HEAD bytes of it in b. 0: the hint does not hold,
 * which is so if that goroutine's own m is not this thread's.
 */
static __always_inline u64 running_hint(u64 g0, char *b)
{
	volatile struct running *s = running_slot(g0);
	u64 g, m;

	if (!s || s->g0 != g0)
		return 0;
	g = s->g;
	m = s->m;
	if (s->g0 != g0 || !g || !m || bpf_probe_read_user(b, G_HEAD, (const void *)g) ||
	    word(b, cfg.g_m) != m)
		return 0;
	return g;
}

/*
 * The goroutine on the thread of g0, with its gobuf and stack bounds in e, or 0: e->curg. Where the
 * hint does not hold, both are read from the thread's m.
 */
__noinline int running_find(struct event *e, u64 g0)
{
	char b[G_HEAD] BLOCK_ALIGNED;
	volatile struct running *s;
	struct of_m of_m = {};

	if (!e)
		return 0;
	e->curg = running_hint(g0, b);
	if (e->curg) {
		take_gobuf(e, b);
		return 0;
	}
	s = running_slot(g0);
	look_m(&of_m, g0);
	e->curg = of_m.curg;
	e->p = of_m.p;
	if (s && running_claim(s, g0)) {
		s->m = of_m.m;
		s->g = e->curg;
		s->g0 = g0;
	}
	if (e->curg)
		read_gobuf(e, e->curg);
	return 0;
}

#endif
