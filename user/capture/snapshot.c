#include "capture/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/num.h"
#include "base/scope.h"
#include "capture/gostack.h"

enum {
	BATCH = 512,	/* objects at a time: bounds the memory, and the time from read to read */
	ROUNDS = 4,	/* reads of an object that keeps changing (S2) */
	BAD_SHARE = 2,	/* give up when one of so many structures cannot be read ... */
	BAD_MIN = 1024, /* ... and at least so many */
};

/* One goroutine of a batch, between its reads. */
struct snap_g {
	uint64_t addr;
	struct golive_g a; /* first read; golive_g.status as told */
	struct golive_m m; /* behind a.m, if any */
	uint64_t win_addr;
	size_t win_len, got; /* of its window; bytes of the first or the second read of g */
	bool live;
};

/* Everything of fixed size; on the heap. */
struct snap {
	const struct golive *v;
	snapshot_emit *emit;
	void *ctx;
	struct snapshot_stats *st;
	struct diag *d;
	struct map ms; /* owned; Ms found: their addresses */
	uint64_t ptrs[BATCH];
	struct snap_g g[BATCH];
	struct mem_piece piece[2 * BATCH];
	uint8_t raw[BATCH][GOLIVE_G_BYTES];
	uint8_t m_raw[BATCH][GOLIVE_M_BYTES];
	uint8_t win[BATCH][GOSTACK_WINDOW];
	struct gostack_memo memo;
	struct gostack stack;
	union {
		struct rec r;
		uint64_t words[REC_MAX_LEN / 8];
	} out;
};

static void snap_free(struct snap **s)
{
	if (*s)
		map_done(&(*s)->ms);
	free(*s);
}

/* A cleared record; the caller fills it and calls snap_send. */
static struct rec *snap_rec(struct snap *s, enum hook hook, uint64_t ts)
{
	struct rec *r = &s->out.r;

	*r = (struct rec){ .hook = (uint8_t)hook, .ts = ts };
	return r;
}

static int snap_send(struct snap *s, const uint64_t *pcs, size_t cnt)
{
	struct rec *r = &s->out.r;

	_Static_assert(sizeof(struct rec) + REC_MAX_PC * 8 <= REC_MAX_LEN, "a record's room");
	if (cnt)
		memcpy(s->out.words + sizeof(*r) / 8, pcs, cnt * 8);
	r->npc = (uint8_t)cnt;
	r->len = (uint16_t)(sizeof(*r) + cnt * 8);
	return s->emit(s->ctx, r);
}

static int snap_late(struct snap *s)
{
	if (clock_mono_ns() - s->st->start_ns > SNAPSHOT_MAX_MS * 1000000ULL)
		return diag_set(s->d, -ETIME, "reading the goroutines took more than %d s",
				SNAPSHOT_MAX_MS / 1000);
	return 0;
}

/* Remembers an M for later; 0 is none. A full table only loses Ms that would be told by others. */
static int snap_note_m(struct snap *s, uint64_t m)
{
	if (!m || s->ms.cnt >= LIMIT_MS)
		return 0;
	return map_put(&s->ms, m, 0);
}

/* ---- Ps ------------------------------------------------------------------------------------ */

/* Reads p and its M until two reads agree. -EFAULT: p cannot be read. */
static int snap_one_p(struct snap *s, uint64_t addr, struct golive_p *ret_p, struct golive_m *ret_m,
		      uint64_t *ret_ts)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct golive_p again;
		int err = golive_p_read(s->v, addr, ret_p);

		if (err)
			return err;
		*ret_ts = clock_mono_ns();
		*ret_m = (struct golive_m){ 0 };
		if (ret_p->m && golive_m_read(s->v, ret_p->m, ret_m) == -ESRCH)
			return -ESRCH;
		err = golive_p_read(s->v, addr, &again);
		if (err)
			return err;
		if (again.m == ret_p->m && again.status == ret_p->status)
			return 0;
	}
	s->st->changed++;
	return 0;
}

static int snap_ps(struct snap *s)
{
	uint64_t cnt;
	int err = golive_p_cnt(s->v, &cnt, s->d);

	for (uint64_t i = 0; !err && i < cnt; i++) {
		uint64_t addr, ts;
		struct golive_p p;
		struct golive_m m;
		struct rec *r;

		err = golive_ptrs(s->v, s->v->allp, i, &addr, 1);
		if (!err)
			err = snap_one_p(s, addr, &p, &m, &ts);
		if (err)
			return diag_set(s->d, err, "cannot read allp[%llu]", (unsigned long long)i);
		if (p.id != i || p.status > PST_DEAD)
			return diag_set(s->d, -EBADMSG, "allp[%llu] has id %u and status %u",
					(unsigned long long)i, p.id, p.status);
		r = snap_rec(s, HOOK_SNAP_P, ts);
		r->p = addr;
		r->x = p.id;
		r->y = p.status;
		r->m = p.m;
		r->tid = (uint32_t)m.procid;
		s->st->ps++;
		err = snap_note_m(s, p.m);
		if (!err)
			err = snap_send(s, NULL, 0);
	}
	return err;
}

/* ---- Ms ------------------------------------------------------------------------------------ */

/* Follows allm by alllink; a list that ends early, turns round or is too long is left there. */
static int snap_allm(struct snap *s)
{
	uint64_t m;

	if (!s->v->allm || s->v->lay->m_alllink == GOLAYOUT_NONE ||
	    mem_read_u64(s->v->mem, s->v->allm, &m) != 0)
		return 0;
	for (unsigned i = 0; m && i < LIMIT_MS; i++) {
		uint64_t *seen = map_find(&s->ms, m);
		int err;

		if (seen && *seen)
			return 0; /* a circle */
		err = map_put(&s->ms, m, 1);
		if (!err && i % BATCH == 0)
			err = snap_late(s);
		if (err)
			return err;
		if (mem_read_u64(s->v->mem, m + s->v->lay->m_alllink, &m) != 0)
			return 0;
	}
	return 0;
}

static int snap_send_m(struct snap *s, uint64_t addr, const struct golive_m *m, uint64_t ts)
{
	struct rec *r;

	/* No thread yet, or not what we take it for: its words may be anything. */
	if (!m->procid || m->procid > INT32_MAX)
		return 0;
	r = snap_rec(s, HOOK_SNAP_M, ts);
	r->m = addr;
	r->tid = (uint32_t)m->procid;
	r->p = m->p;
	r->x = m->curg;
	r->y = m->oldp;
	r->flags = m->isextra ? REC_F_EXTRA_M : 0;
	s->st->ms++;
	return snap_send(s, NULL, 0);
}

static int snap_one_m(struct snap *s, uint64_t addr)
{
	struct golive_m m, again;
	uint64_t ts = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		int err = golive_m_read(s->v, addr, &m);

		ts = clock_mono_ns();
		if (!err)
			err = golive_m_read(s->v, addr, &again);
		if (err)
			return err == -ESRCH ? err
					     : 0; /* freed meanwhile: it has no thread any more */
		if (again.p == m.p && again.curg == m.curg && again.oldp == m.oldp &&
		    again.procid == m.procid)
			return snap_send_m(s, addr, &m, ts);
	}
	s->st->changed++;
	return snap_send_m(s, addr, &again, ts);
}

static int snap_ms(struct snap *s)
{
	struct map_slot slot;
	size_t pos = 0;
	int err = snap_allm(s);

	while (!err && map_next(&s->ms, &pos, &slot)) {
		err = snap_one_m(s, slot.key);
		if (!err && pos % BATCH == 0)
			err = snap_late(s);
	}
	return err;
}

/* ---- Gs ------------------------------------------------------------------------------------ */

/* Reads the first or second time all cnt g's into raw. */
static int snap_read_gs(struct snap *s, size_t cnt)
{
	int err;

	for (size_t i = 0; i < cnt; i++)
		s->piece[i] = (struct mem_piece){ .addr = s->g[i].addr,
						  .buf = s->raw[i],
						  .len = s->v->g_len };
	err = mem_readv(s->v->mem, s->piece, cnt);
	for (size_t i = 0; i < cnt; i++)
		s->g[i].got = s->piece[i].got;
	return err;
}

/* The threads and the stacks behind cnt g's. */
static int snap_read_behind(struct snap *s, size_t cnt)
{
	size_t n = 0;
	int err;

	for (size_t i = 0; i < cnt; i++) {
		struct snap_g *g = &s->g[i];

		g->win_len = g->live ? gostack_window(s->v, &g->a, &g->win_addr) : 0;
		if (g->win_len)
			s->piece[n++] = (struct mem_piece){ .addr = g->win_addr,
							    .buf = s->win[i],
							    .len = g->win_len };
		if (g->live && g->a.m)
			s->piece[n++] = (struct mem_piece){ .addr = g->a.m,
							    .buf = s->m_raw[i],
							    .len = s->v->m_len };
	}
	err = mem_readv(s->v->mem, s->piece, n);
	n = 0;
	for (size_t i = 0; i < cnt; i++) {
		struct snap_g *g = &s->g[i];

		g->m = (struct golive_m){ 0 };
		if (g->win_len)
			g->win_len = s->piece[n++].got;
		if (g->live && g->a.m) {
			if (s->piece[n].got == s->v->m_len)
				golive_m_decode(s->v, s->m_raw[i], s->v->m_len, &g->m);
			n++;
		}
	}
	return err;
}

/* S3 */
static bool snap_same(const struct golive_g *a, const struct golive_g *b)
{
	return a->status == b->status && a->goid == b->goid && a->m == b->m &&
	       a->stack_lo == b->stack_lo && a->stack_hi == b->stack_hi &&
	       (a->status == GST_RUNNING || (a->sp == b->sp && a->pc == b->pc && a->bp == b->bp)) &&
	       (a->status != GST_SYSCALL ||
		(a->syscallsp == b->syscallsp && a->syscallpc == b->syscallpc));
}

static uint8_t snap_flags(const struct golive_g *g)
{
	return (uint8_t)((g->assist ? REC_F_ASSIST : 0) | (g->async_safe ? REC_F_ASYNC : 0) |
			 (g->sync_safe ? REC_F_SYNC : 0) | (g->coroexit ? REC_F_COROEXIT : 0) |
			 (g->lockedm ? REC_F_LOCKED : 0));
}

static int snap_send_g(struct snap *s, size_t i, uint64_t ts, bool same)
{
	struct snap_g *g = &s->g[i];
	struct gostack *k = &s->stack;
	struct rec *r;

	k->cnt = 0;
	k->cut = k->entry = false;
	/* A pseudo-wait: it has a thread, whose current goroutine it is. */
	if (g->a.status == GST_WAITING && g->a.m && g->m.curg == g->addr)
		g->a.status = GST_RUNNING;
	else if (same)
		gostack_walk(s->v, &g->a, g->win_addr, s->win[i], g->win_len, &s->memo, k);
	r = snap_rec(s, HOOK_SNAP_G, ts);
	r->g = g->addr;
	r->goid = g->a.goid;
	r->m = g->a.m;
	r->p = g->m.p;
	r->tid = (uint32_t)g->m.procid;
	r->gstatus = g->a.status;
	r->waitreason = g->a.waitreason;
	r->flags = (uint8_t)(snap_flags(&g->a) | (k->cut ? REC_F_CUT : 0) |
			     (k->entry ? REC_F_SCHED_PC : 0));
	r->x = g->a.startpc;
	r->y = g->a.parent;
	s->st->gs++;
	s->st->changed += !same;
	s->st->stacks += k->cnt > 0;
	s->st->cut += k->cut;
	return snap_send(s, k->pcs, k->cnt);
}

/*
 * One round over the cnt g's of the batch: two reads, what hangs on them in between. Those that
 * stayed the same are told, the others moved to the front; *ret_cnt is their number.
 */
static int snap_round(struct snap *s, size_t cnt, bool last, size_t *ret_cnt)
{
	size_t left = 0;
	uint64_t ts;
	int err = snap_read_gs(s, cnt);

	ts = clock_mono_ns();
	for (size_t i = 0; i < cnt; i++) {
		struct snap_g *g = &s->g[i];

		golive_g_decode(s->v, s->raw[i], g->got, &g->a);
		g->live = g->got == s->v->g_len && golive_g_exists(&g->a);
		s->st->unreadable += g->got != s->v->g_len;
		s->st->dead += g->got == s->v->g_len && !g->live;
	}
	if (!err)
		err = snap_read_behind(s, cnt);
	if (!err)
		err = snap_read_gs(s, cnt);
	for (size_t i = 0; !err && i < cnt; i++) {
		struct golive_g again;
		bool same;

		if (!s->g[i].live)
			continue;
		golive_g_decode(s->v, s->raw[i], s->g[i].got, &again);
		same = s->g[i].got == s->v->g_len && snap_same(&s->g[i].a, &again);
		if (same || last)
			err = snap_send_g(s, i, ts, same);
		else
			s->g[left++].addr = s->g[i].addr;
	}
	*ret_cnt = left;
	return err;
}

static int snap_batch(struct snap *s, size_t cnt)
{
	int err = 0;

	for (size_t i = 0; i < cnt; i++)
		s->g[i].addr = s->ptrs[i];
	for (unsigned round = 0; !err && cnt && round < ROUNDS; round++)
		err = snap_round(s, cnt, round == ROUNDS - 1, &cnt);
	return err;
}

static int snap_gs(struct snap *s)
{
	uint64_t cnt;
	int err = golive_g_cnt(s->v, &cnt, s->d);

	for (uint64_t i = 0; !err && i < cnt; i += BATCH) {
		size_t n = num_min(cnt - i, BATCH);

		err = golive_ptrs(s->v, s->v->allgptr, i, s->ptrs, n);
		if (err)
			return diag_set(s->d, err, "cannot read allgs from entry %llu of %llu",
					(unsigned long long)i, (unsigned long long)cnt);
		err = snap_batch(s, n);
		s->st->structs += n;
		if (!err && s->st->unreadable > BAD_MIN &&
		    s->st->unreadable > s->st->structs / BAD_SHARE)
			return diag_set(s->d, -EBADMSG,
					"%llu of the first %llu entries of allgs point to nothing",
					(unsigned long long)s->st->unreadable,
					(unsigned long long)s->st->structs);
		if (!err)
			err = snap_late(s);
	}
	return err;
}

/* ---- the collector, the end ----------------------------------------------------------------- */

static int snap_gc(struct snap *s)
{
	uint64_t gcc[REC_GCC_WORDS] = { 0 }, procs = 0;
	uint32_t phase = 0;
	size_t words = 0;
	struct rec *r;

	if (s->v->gcphase && mem_read_u32(s->v->mem, s->v->gcphase, &phase) == -ESRCH)
		return diag_set(s->d, -ESRCH, "the process has ended");
	if (s->v->gccontroller && mem_read(s->v->mem, s->v->gccontroller, gcc, sizeof(gcc)) == 0)
		words = REC_GCC_WORDS;
	(void)golive_p_cnt(s->v, &procs, NULL);
	r = snap_rec(s, HOOK_SNAP_GC, clock_mono_ns());
	r->x = phase;
	r->y = procs;
	return snap_send(s, gcc, words);
}

static int snap_end(struct snap *s)
{
	struct rec *r = snap_rec(s, HOOK_SNAP_END, clock_mono_ns());

	r->x = s->st->gs;
	r->y = s->st->ps;
	return snap_send(s, NULL, 0);
}

int snapshot_take(const struct golive *v, snapshot_emit *emit, void *ctx,
		  struct snapshot_stats *ret, struct diag *d)
{
	SCOPED(snap_free) struct snap *s = calloc(1, sizeof(*s));
	int err;

	*ret = (struct snapshot_stats){ .start_ns = clock_mono_ns() };
	if (!s)
		return diag_set(d, -ENOMEM, "no memory for reading the goroutines");
	if (d)
		d->text[0] = '\0';
	s->v = v;
	s->emit = emit;
	s->ctx = ctx;
	s->st = ret;
	s->d = d;
	err = snap_ps(s);
	if (!err)
		err = snap_ms(s);
	if (!err)
		err = snap_gs(s);
	if (!err)
		err = snap_gc(s);
	if (!err)
		err = snap_end(s);
	ret->end_ns = clock_mono_ns();
	if (err == -ESRCH)
		diag_set(d, err, "the process ended while its goroutines were read");
	return err;
}
