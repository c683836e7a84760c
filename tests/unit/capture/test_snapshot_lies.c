/* test_snapshot_lies.c - memory that lies, and stacks made by hand. */
#include "unit/capture/snaplab.h"

/* ---- memory that lies ----------------------------------------------------------------------- */

/* Memory as a function of the address: words of a hash, some places with a value of our choice. */
struct liar {
	struct map fixed; /* address -> word */
	uint64_t seed;
	const struct golayout *lay;
	unsigned plausible; /* of 8 words how many look like what could be there */
	unsigned holes;	    /* of 64 pieces how many cannot be read */
	uint64_t reads;
};

enum {
	LIAR_BASE = 0x10000000,
	LIAR_GS = 2000,
	LIAR_STACK = 0x6000,
	TEXT = 0x400000,
	ETEXT = 0x500000
};

/* A word of a g: each page behind the array of pointers begins with one, its stack follows. */
static uint64_t liar_g_word(const struct liar *l, uint64_t page, uint64_t off, uint64_t h)
{
	if (off == l->lay->g_stack_lo)
		return page;
	if (off == l->lay->g_stack_hi)
		return page + LIAR_STACK;
	if (off == l->lay->g_atomicstatus)
		return h % 12 | (h & 0x100000000) << 12;
	if (off == l->lay->g_sched_pc || off == l->lay->g_syscallpc)
		return TEXT + h % (ETEXT - TEXT);
	if (off == l->lay->g_sched_sp || off == l->lay->g_syscallsp || off == l->lay->g_sched_bp ||
	    off == l->lay->g_syscallbp)
		return page + 512 + h % LIAR_STACK / 8 * 8;
	return off == l->lay->g_goid ? h : 0;
}

static uint64_t liar_word(const struct liar *l, uint64_t addr)
{
	const uint64_t *fixed = map_find(&l->fixed, addr);
	uint64_t h = num_mix(addr ^ l->seed);

	if (fixed)
		return *fixed;
	if (addr >= LIAR_BASE && addr < LIAR_BASE + LIAR_GS * 8)
		return LIAR_BASE + 0x10000 + (addr - LIAR_BASE) / 8 * 0x1000;
	if (addr >= LIAR_BASE + 0x10000 && h % 8 < l->plausible && (addr & 0xfff) < 456 &&
	    liar_g_word(l, addr & ~0xfffULL, addr & 0xfff, h >> 3))
		return liar_g_word(l, addr & ~0xfffULL, addr & 0xfff, h >> 3);
	if (h % 8 >= l->plausible)
		return num_mix(h);
	switch (h >> 3 & 7) {
	case 0:
		return TEXT + (h >> 8) % (ETEXT - TEXT);
	case 1:
		return h >> 8 & 0xf; /* a status, a small count */
	case 2:
		return 0;
	case 3:
		return addr + (h >> 8 & 0xff8); /* a frame pointer, up */
	case 4:
		return addr - (h >> 8 & 0xff8); /* down */
	default:
		return LIAR_BASE + (h >> 8 & 0xffff8);
	}
}

static int liar_readv(void *ctx, struct mem_piece *v, size_t cnt)
{
	struct liar *l = ctx;

	for (size_t i = 0; i < cnt; i++) {
		v[i].got = v[i].len;
		l->reads++;
		if (num_mix(v[i].addr ^ l->seed ^ l->reads) % 64 < l->holes)
			v[i].got = num_mix(l->reads) % (v[i].len + 1);
		for (size_t k = 0, n; k < v[i].got; k += n) {
			uint64_t w = liar_word(l, (v[i].addr + k) & ~7ULL),
				 off = (v[i].addr + k) & 7;

			n = num_min(8 - off, v[i].got - k);
			memcpy((uint8_t *)v[i].buf + k, (uint8_t *)&w + off, n);
		}
	}
	return 0;
}

static struct golive liar_live(struct liar *l, struct mem *m, unsigned minor, unsigned patch)
{
	struct golive v = { .mem = m,
			    .minor = minor,
			    .text = TEXT,
			    .etext = ETEXT,
			    .main_pc = TEXT,
			    .callback = TEXT + 0x1000,
			    .ecallback = TEXT + 0x3000,
			    .goexit = TEXT + 0x3000,
			    .egoexit = TEXT + 0x4000,
			    .allglen = 8,
			    .allgptr = 16,
			    .allp = 24,
			    .gomaxprocs = 48,
			    .allm = 56,
			    .gccontroller = 64,
			    .gcphase = 512 };

	*m = (struct mem){ .readv = liar_readv, .ctx = l };
	v.lay = golayout_find(IMAGE_AMD64, minor, patch);
	assert_non_null(v.lay);
	assert_int_equal(golive_set_lengths(&v), 0);
	l->lay = v.lay;
	map_put(&l->fixed, 8, LIAR_GS);
	map_put(&l->fixed, 16, LIAR_BASE);
	map_put(&l->fixed, 24, 0x8000);
	map_put(&l->fixed, 32, 8);
	map_put(&l->fixed, 48, 8);
	for (uint64_t i = 0; i < 8; i++) {
		uint64_t p = 0x9000 + i * 0x400;

		map_put(&l->fixed, 0x8000 + i * 8, p);
		map_put(&l->fixed, p, i | i << 32); /* id, then the status */
		map_put(&l->fixed, p, i | (i % 5) << 32);
	}
	return v;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Whatever memory holds: an end, in time, with lawful records (take) and errors we know. */
static void hostile_memory(void **state)
{
	static const unsigned versions[][2] = { { 22, 12 }, { 23, 12 }, { 27, 4 } };
	uint64_t start = now_ms(), gs = 0, stacks = 0;

	(void)state;
	for (unsigned i = 0; i < 45; i++) {
		struct liar l = { .seed = i * 7919 + 1,
				  .plausible = i % 9,
				  .holes = i % 4 == 3 ? i % 32 : 0 };
		struct snapshot_stats st;
		struct diag d = { .text = "" };
		struct mem m;
		struct golive v = liar_live(&l, &m, versions[i % 3][0], versions[i % 3][1]);
		int err;

		seen.last_ts = 0;
		err = snapshot_take(&v, take, &seen, &st, &d);
		if (err != 0 && err != -EBADMSG && err != -EFAULT && err != -EBUSY)
			fail_msg("seed %u: %d %s", i, err, d.text);
		gs += st.gs;
		stacks += st.stacks;
		map_done(&l.fixed);
		buf_reset(&seen.recs);
	}
	assert_true(gs > 1000 &&
		    stacks > 100); /* the liar reached the parts behind the first checks */
	assert_true(now_ms() - start < 60000);
	seen_done();
}

static void hostile_counts(void **state)
{
	static const uint64_t lens[] = { 0, LIMIT_GS + 1ULL, UINT64_MAX, INT64_MAX };
	struct liar l = { .seed = 5, .plausible = 7 };
	struct snapshot_stats st;
	struct diag d = { .text = "" };
	struct mem m;
	struct golive v = liar_live(&l, &m, 27, 4);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		map_put(&l.fixed, 8, lens[i]);
		assert_int_equal(snapshot_take(&v, take, &seen, &st, &d), -EBADMSG);
		assert_non_null(strstr(d.text, "allglen"));
		buf_reset(&seen.recs);
	}
	map_put(&l.fixed, 8, 100);
	map_put(&l.fixed, 48, 1 << 20);
	assert_int_equal(snapshot_take(&v, take, &seen, &st, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "gomaxprocs"));
	map_put(&l.fixed, 48, 8);
	map_put(&l.fixed, 0x9000 + 3 * 0x400, 9);
	assert_int_equal(snapshot_take(&v, take, &seen, &st, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "allp[3] has id 9"));
	map_done(&l.fixed);
	seen_done();
}

/* allm leads in a circle, and one that never comes back to its start. */
static void hostile_circle(void **state)
{
	struct liar l = { .seed = 5, .plausible = 0 };
	struct snapshot_stats st;
	struct diag d = { .text = "" };
	struct mem m;
	struct golive v = liar_live(&l, &m, 27, 4);
	uint64_t link = v.lay->m_alllink, procid = v.lay->m_procid;

	(void)state;
	map_put(&l.fixed, 8, 1);
	for (uint64_t i = 0; i < 100; i++) {
		uint64_t at = 0x100000 + i * 0x1000;

		map_put(&l.fixed, at + link, i == 99 ? 0x100000 + 50 * 0x1000 : at + 0x1000);
		map_put(&l.fixed, at + procid, 1000 + i);
	}
	map_put(&l.fixed, 56, 0x100000);
	assert_int_equal(snapshot_take(&v, take, &seen, &st, &d), 0);
	assert_true(st.ms >= 100 && st.ms <= 108);
	map_done(&l.fixed);
	seen_done();
}

/* ---- stacks made by hand --------------------------------------------------------------------- */

enum { G = 0x200000, STACK = 0x300000, STACK_BYTES = 0x2000 };

static void word(struct liar *l, uint64_t addr, uint64_t val)
{
	map_put(&l->fixed, addr, val);
}

/* One goroutine; everything else is zero (a status of 0 and a goid of 0: nothing). */
static void one_g(struct liar *l, const struct golive *v, unsigned status, uint64_t pc, uint64_t sp,
		  uint64_t bp)
{
	word(l, 8, 1);
	word(l, LIAR_BASE, G);
	for (uint64_t a = 0; a < 512; a += 8)
		word(l, G + a, 0);
	for (uint64_t a = STACK; a < STACK + STACK_BYTES; a += 8)
		word(l, a, 0);
	word(l, G + v->lay->g_stack_lo, STACK);
	word(l, G + v->lay->g_stack_hi, STACK + STACK_BYTES);
	word(l, G + v->lay->g_atomicstatus, status);
	word(l, G + v->lay->g_goid, 9);
	word(l, G + v->lay->g_startpc, TEXT + 0x80);
	word(l, G + v->lay->g_sched_pc, pc);
	word(l, G + v->lay->g_sched_sp, sp);
	word(l, G + v->lay->g_sched_bp, bp);
}

/* The one goroutine's record. */
static const struct rec *one_rec(const struct golive *v)
{
	struct snapshot_stats st;
	struct diag d = { .text = "" };
	const struct rec *r;
	size_t pos = 0;

	buf_reset(&seen.recs);
	if (snapshot_take(v, take, &seen, &st, &d))
		fail_msg("%s", d.text);
	while ((r = seen_next(&seen, &pos)))
		if (r->hook == HOOK_SNAP_G)
			return r;
	return NULL;
}

static void made_stacks(void **state)
{
	struct liar l = { .seed = 5 };
	struct mem m;
	struct golive v = liar_live(&l, &m, 27, 4);
	const uint64_t sp = STACK + 0x1000;
	const struct rec *r;

	(void)state;
	v.morestack[1] = TEXT + 0x4000;
	/* Never ran: its function, alone, and no return address. */
	one_g(&l, &v, 1, TEXT + 0x80, STACK + STACK_BYTES - 8, 0);
	r = one_rec(&v);
	assert_int_equal(r->npc, 1);
	assert_int_equal(r->flags, REC_F_SCHED_PC);
	assert_int_equal(r->pcs[0], TEXT + 0x80);

	/*
	 * The scan bit is masked; a chain that goes down, off the stack, or out of the code is cut.
	 */
	one_g(&l, &v, 0x1004, TEXT + 0x200, sp, sp + 16);
	word(&l, sp + 16, sp + 64);
	word(&l, sp + 24, TEXT + 0x300);
	word(&l, sp + 64, sp + 16);
	word(&l, sp + 72, TEXT + 0x400);
	r = one_rec(&v);
	assert_int_equal(r->gstatus, 4);
	assert_int_equal(r->npc, 3);
	assert_int_equal(r->flags, REC_F_CUT);
	assert_int_equal(r->pcs[2], TEXT + 0x400);
	word(&l, sp + 64, 0);
	assert_int_equal(one_rec(&v)->flags, 0);
	word(&l, sp + 72, ETEXT);
	r = one_rec(&v);
	assert_int_equal(r->npc, 2);
	assert_int_equal(r->flags, REC_F_CUT);
	word(&l, sp + 16, STACK + STACK_BYTES - 8);
	assert_int_equal(one_rec(&v)->flags, REC_F_CUT);

	/* Preempted at a function's entry: behind a call of morestack, the caller is at sp. */
	one_g(&l, &v, 1, TEXT + 0x208, sp, sp + 16);
	word(&l, TEXT + 0x200, (uint64_t)(uint32_t)(0x4000 - 0x208) << 32 | 0xe8000000);
	word(&l, sp, TEXT + 0x600);
	word(&l, sp + 24, TEXT + 0x700);
	r = one_rec(&v);
	assert_int_equal(r->npc, 3);
	assert_int_equal(r->pcs[1], TEXT + 0x600);
	assert_int_equal(r->pcs[2], TEXT + 0x700);

	/* Across a callback from C: 40 and 48 bytes above the return address into cgocallback. */
	one_g(&l, &v, 4, TEXT + 0x200, sp, sp + 16);
	word(&l, sp + 16, 0x7f0000001000);
	word(&l, sp + 24, TEXT + 0x1234);
	word(&l, sp + 24 + 40, TEXT + 0x800);
	word(&l, sp + 24 + 48, 0);
	word(&l, sp + 24 + 56, TEXT + 0x900);
	r = one_rec(&v);
	assert_int_equal(r->npc, 4);
	assert_int_equal(r->flags, 0);
	assert_int_equal(r->pcs[1], TEXT + 0x1234);
	assert_int_equal(r->pcs[2], TEXT + 0x800);
	assert_int_equal(r->pcs[3], TEXT + 0x900);

	/* A pseudo-wait: its thread runs it. Dead and idle ones are not told. */
	word(&l, G + v.lay->g_m, 0x400000 - 0x10000);
	word(&l, 0x400000 - 0x10000 + v.lay->m_curg, G);
	word(&l, 0x400000 - 0x10000 + v.lay->m_procid, 55);
	r = one_rec(&v);
	assert_int_equal(r->gstatus, 2);
	assert_int_equal(r->tid, 55);
	assert_int_equal(r->npc, 0);
	one_g(&l, &v, 6, TEXT + 0x200, sp, sp + 16);
	assert_null(one_rec(&v));
	one_g(&l, &v, 11, TEXT + 0x200, sp, sp + 16);
	assert_null(one_rec(&v));
	map_done(&l.fixed);
	seen_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_memory),
		cmocka_unit_test(hostile_counts),
		cmocka_unit_test(hostile_circle),
		cmocka_unit_test(made_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
