#include "capture/livecheck.h"

#include <errno.h>
#include <time.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/num.h"
#include "proc/container.h"
#include "proc/target.h"

enum {
	TRIES = 40,	     /* reads of one object that contradicts (K1) ... */
	WAIT_NS = 50 * 1000, /* ... with this much between them, doubled after every ... */
	WAIT_STEP = 4, /* ... so many: 0.2 s in all, for a thread that lost its CPU half-way */
	CHUNK = 256,   /* pointers at a time */
	LEAST_GS =
		4, /* every program has main, the sweeper, the scavenger, the collector's helper */
	LEAST_WAITING = 1,
	REASONS_MOST = 64, /* wait reasons of any version, if the table was not found: 47 in 1.27 */
};

struct check {
	const struct golive *v;
	const struct target *t;
	struct livecheck *to;
	struct diag *d;
	struct map tids;  /* thread id in the target -> here */
	struct map goids; /* goid -> g's address */
	uint32_t reasons;
};

typedef unsigned long long ull;

static void check_done(struct check *c)
{
	map_done(&c->tids);
	map_done(&c->goids);
}

/* Between two tries: what was seen in the middle of a change is over soon. */
static void check_pause(struct check *c, unsigned n)
{
	const struct timespec ts = { .tv_nsec = (long)WAIT_NS << (n / WAIT_STEP) };

	c->to->retries++;
	nanosleep(&ts, NULL);
}

static int check_fail(struct check *c, const char *what, uint64_t i, const char *why, uint64_t val)
{
	return diag_set(c->d, -EBADMSG, "the layout does not hold: %s[%llu]: %s (%#llx)", what,
			(ull)i, why, (ull)val);
}

/* ---- points 1 to 3: Ps and their Ms --------------------------------------------------------- */

/* NULL: p is as it must be; else why not. -ESRCH through *ret_err. */
static const char *check_p_once(const struct golive *v, uint64_t addr, uint64_t i,
				uint64_t *ret_val, uint64_t *ret_m, int *ret_err)
{
	struct golive_p p;
	struct golive_m m;

	*ret_m = 0;
	*ret_val = addr;
	*ret_err = golive_p_read(v, addr, &p);
	if (*ret_err)
		return "cannot be read";
	*ret_val = p.id;
	if (p.id != i)
		return "p.id is not its index";
	*ret_val = p.status;
	if (p.status > PST_DEAD)
		return "p.status is no status";
	if (!p.m)
		return NULL;
	*ret_val = p.m;
	*ret_err = golive_m_read(v, p.m, &m);
	if (*ret_err)
		return "p.m cannot be read";
	*ret_val = m.p;
	if (m.p != addr && !(p.status == PST_SYSCALL && m.oldp == addr))
		return "(p.m).p does not point back";
	*ret_m = p.m;
	return NULL;
}

static const char *check_m_once(struct check *c, uint64_t addr, uint64_t *ret_val, int *ret_err)
{
	struct golive_m m;
	struct golive_g g0;

	*ret_val = addr;
	*ret_err = golive_m_read(c->v, addr, &m);
	if (*ret_err)
		return "m cannot be read";
	*ret_val = m.g0;
	*ret_err = m.g0 ? golive_g_read(c->v, m.g0, &g0) : -EFAULT;
	if (*ret_err)
		return "m.g0 cannot be read";
	*ret_val = g0.m;
	if (g0.m != addr)
		return "(m.g0).m does not point back";
	*ret_val = m.procid;
	if (!m.procid)
		return "m.procid is 0";
	if (!c->t || map_find(&c->tids, m.procid))
		return NULL;
	/* A thread younger than our list of them. */
	*ret_err = container_tids(c->t, &c->tids, c->d);
	if (*ret_err || map_find(&c->tids, m.procid))
		return NULL;
	return "m.procid is no thread of the process";
}

static int check_p(struct check *c, uint64_t i)
{
	const char *why = NULL;
	uint64_t val = 0, m = 0;
	int err = 0;

	for (unsigned n = 0; n < TRIES; n++) {
		uint64_t addr;

		err = golive_ptrs(c->v, c->v->allp, i, &addr, 1);
		why = err ? "cannot be read" : check_p_once(c->v, addr, i, &val, &m, &err);
		if (!why && m)
			why = check_m_once(c, m, &val, &err);
		if (!why || err == -ESRCH)
			break;
		check_pause(c, n);
	}
	if (err == -ESRCH || err == -ENOMEM)
		return err;
	if (why)
		return check_fail(c, "allp", i, why, val);
	c->to->ps++;
	c->to->ps_held += m != 0;
	c->to->ms += m != 0;
	return 0;
}

static int check_ps(struct check *c)
{
	uint64_t cnt;
	int err = golive_p_cnt(c->v, &cnt, c->d);

	if (err)
		return err == -EFAULT ? -EBADMSG : err;
	for (uint64_t i = 0; !err && i < cnt; i++) {
		err = check_p(c, i);
		/* GOMAXPROCS may have fallen meanwhile: then there is nothing left to judge. */
		if (err == -EBADMSG && golive_p_cnt(c->v, &cnt, NULL) == 0 && i >= cnt)
			return 0;
	}
	return err;
}

/* ---- points 4 to 6: goroutines -------------------------------------------------------------- */

static bool check_within(const struct golive_g *g, uint64_t a)
{
	return a >= g->stack_lo && a < g->stack_hi;
}

static bool check_is_entry(const struct golive *v, uint64_t pc)
{
	struct image_func f;

	if (!v->img)
		return true;
	return image_func_at(v->img, pc - v->bias, &f) == 0 && f.entry_va == pc - v->bias;
}

/* Point 4, of a goroutine that exists. */
static const char *check_g_words(struct check *c, const struct golive_g *g, uint64_t *ret_val)
{
	const struct golive *v = c->v;

	*ret_val = g->stack_lo;
	if (!g->stack_lo || g->stack_lo >= g->stack_hi)
		return "g.stack has no bytes";
	*ret_val = g->goid;
	if (g->goid == 0 || g->goid > INT64_MAX)
		return "g.goid is no number of a goroutine";
	*ret_val = g->startpc;
	if (v->main_pc && (g->goid == 1) != (g->startpc == v->main_pc))
		return "by g.startpc, goroutine 1 is not the one that began with runtime.main";
	if (!g->startpc)
		return NULL; /* the goroutine of a thread that C made */
	if (!golive_in_text(v, g->startpc) || !check_is_entry(v, g->startpc))
		return "g.startpc is no function's entry";
	*ret_val = g->gopc;
	if (!golive_in_text(v, g->gopc))
		return "g.gopc is not in the program's code";
	return NULL;
}

/* Points 5 and 6. */
static const char *check_g_state(struct check *c, uint64_t addr, const struct golive_g *g,
				 uint64_t *ret_val)
{
	struct golive_m m = { 0 };
	bool has_m = g->m && golive_m_read(c->v, g->m, &m) == 0;

	*ret_val = g->m;
	if (g->status == GST_RUNNING || g->status == GST_SYSCALL)
		return has_m && m.curg == addr ? NULL
					       : "it runs, and (g.m).curg does not point back";
	if (g->status != GST_WAITING || (has_m && m.curg == addr)) /* a pseudo-wait: it runs */
		return NULL;
	*ret_val = g->sp;
	if (!check_within(g, g->sp))
		return "it waits, and g.sched.sp is not in its stack";
	*ret_val = g->bp;
	if (!check_within(g, g->bp))
		return "it waits, and g.sched.bp is not in its stack";
	*ret_val = g->sched_g;
	if (c->v->lay->g_sched_g != GOLAYOUT_NONE && g->sched_g != addr)
		return "it waits, and g.sched.g is not itself";
	*ret_val = g->pc;
	if (!golive_in_text(c->v, g->pc))
		return "it waits, and g.sched.pc is not in the program's code";
	*ret_val = g->waitreason;
	if (g->waitreason >= c->reasons)
		return "it waits, and g.waitreason is none of the program's";
	return NULL;
}

static bool check_status_known(const struct golive_g *g, unsigned minor)
{
	switch (g->status) {
	case GST_MORIBUND:
	case 7: /* no version names it */
		return false;
	case GST_LEAKED:
	case GST_DEADEXTRA:
		return minor >= 26;
	default:
		return g->status < GST_LEAKED;
	}
}

static const char *check_g_once(struct check *c, uint64_t addr, struct golive_g *ret_g,
				uint64_t *ret_val, int *ret_err)
{
	const char *why;

	*ret_val = addr;
	*ret_err = golive_g_read(c->v, addr, ret_g);
	if (*ret_err)
		return "cannot be read";
	*ret_val = ret_g->status;
	if (!check_status_known(ret_g, c->v->minor))
		return "g.atomicstatus is no status";
	if (ret_g->status == GST_IDLE || ret_g->status == GST_DEAD ||
	    ret_g->status == GST_DEADEXTRA)
		return NULL;
	why = check_g_words(c, ret_g, ret_val);
	return why ? why : check_g_state(c, addr, ret_g, ret_val);
}

static int check_goid(struct check *c, uint64_t addr, uint64_t i, const struct golive_g *g)
{
	const uint64_t *other = map_find(&c->goids, g->goid);
	struct golive_g now;

	/* A free structure keeps its last goid; a number moves on when it is used again. */
	if (other && *other != addr && golive_g_read(c->v, *other, &now) == 0 &&
	    golive_g_exists(&now) && now.goid == g->goid)
		return check_fail(c, "allgs", i, "g.goid is also another one's", g->goid);
	return map_put(&c->goids, g->goid, addr);
}

static int check_g(struct check *c, uint64_t addr, uint64_t i)
{
	struct golive_g g = { 0 };
	const char *why = NULL;
	uint64_t val = 0;
	int err = 0;

	for (unsigned n = 0; n < TRIES; n++) {
		why = check_g_once(c, addr, &g, &val, &err);
		if (!why || err == -ESRCH)
			break;
		check_pause(c, n);
	}
	if (err == -ESRCH)
		return err;
	if (why)
		return check_fail(c, "allgs", i, why, val);
	if (!golive_g_exists(&g)) {
		c->to->dead++;
		return 0;
	}
	c->to->gs++;
	c->to->running += g.status == GST_RUNNING || g.status == GST_SYSCALL;
	c->to->waiting += g.status == GST_WAITING;
	c->to->main_seen |= g.goid == 1;
	return check_goid(c, addr, i, &g);
}

static int check_gs(struct check *c)
{
	uint64_t ptrs[CHUNK], cnt, runs;
	int err = golive_g_cnt(c->v, &cnt, c->d);

	if (err)
		return err == -EFAULT ? -EBADMSG : err;
	c->to->structs = cnt;
	/* Runs of CHUNK neighbours, spread evenly, the first ones always. */
	runs = num_min((cnt + CHUNK - 1) / CHUNK, LIVECHECK_SAMPLE / CHUNK);
	for (uint64_t k = 0; k < runs; k++) {
		uint64_t first = cnt <= LIVECHECK_SAMPLE ? k * CHUNK : k * (cnt / runs);
		size_t n = num_min(cnt - first, CHUNK);

		err = golive_ptrs(c->v, c->v->allgptr, first, ptrs, n);
		if (err == -ESRCH)
			return err;
		if (err)
			return check_fail(c, "allgs", first, "cannot be read", cnt);
		for (size_t i = 0; i < n; i++) {
			err = check_g(c, ptrs[i], first + i);
			if (err)
				return err;
		}
	}
	return 0;
}

/* K3 */
static int check_enough(struct check *c)
{
	const struct livecheck *l = c->to;
	struct golive_g first;
	uint64_t addr;

	if (l->gs < LEAST_GS || l->waiting < LEAST_WAITING)
		return diag_set(
			c->d, -EBADMSG,
			"too little to judge the layout by: %u goroutines, %u of them waiting; is "
			"the process just starting?",
			l->gs, l->waiting);
	/* The main goroutine is the first structure, unless it left by runtime.Goexit. */
	if (!l->main_seen && golive_ptrs(c->v, c->v->allgptr, 0, &addr, 1) == 0 &&
	    golive_g_read(c->v, addr, &first) == 0 && golive_g_exists(&first) &&
	    first.startpc == c->v->main_pc)
		return check_fail(c, "allgs", 0, "runtime.main is not goroutine 1", first.goid);
	return 0;
}

static uint32_t check_reason_cnt(const struct golive *v)
{
	const char *const *names;
	size_t cnt;

	if (v->img && image_table_get(v->img, TABLE_WAIT_REASONS, &names, &cnt) == 0 && cnt)
		return (uint32_t)cnt;
	return REASONS_MOST;
}

int livecheck_run(const struct golive *v, const struct target *t, struct livecheck *ret,
		  struct diag *d)
{
	struct check c = { .v = v, .t = t, .to = ret, .d = d, .reasons = check_reason_cnt(v) };
	int err = t ? container_tids(t, &c.tids, d) : 0;

	*ret = (struct livecheck){ 0 };
	if (!err)
		err = check_ps(&c);
	if (!err)
		err = check_gs(&c);
	if (!err)
		err = check_enough(&c);
	check_done(&c);
	if (err == -ESRCH)
		diag_set(d, err, "the process ended while its layout was checked");
	if (err == -ENOMEM)
		diag_set(d, err, "no memory to check the layout");
	return err;
}
