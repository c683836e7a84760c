#include "capture/golive.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "base/span.h"

enum { MOVE_TRIES = 8 };

/* ---- where things are --------------------------------------------------------------------- */

/* Grows *len so that a field of size bytes at off is within it. */
static void golive_cover(uint32_t *len, uint16_t off, uint32_t size)
{
	if (off != GOLAYOUT_NONE && off + size > *len)
		*len = off + size;
}

int golive_set_lengths(struct golive *v)
{
	const struct golayout *l = v->lay;
	const uint16_t g[] = { l->g_stack_hi,	   l->g_m,
			       l->g_sched_sp,	   l->g_sched_pc,
			       l->g_sched_bp,	   l->g_sched_g,
			       l->g_sched_lr,	   l->g_syscallsp,
			       l->g_syscallpc,	   l->g_syscallbp,
			       l->g_atomicstatus,  l->g_goid,
			       l->g_waitreason,	   l->g_asyncSafePoint,
			       l->g_syncSafePoint, l->g_inMarkAssist,
			       l->g_coroexit,	   l->g_lockedm,
			       l->g_parentGoid,	   l->g_gopc,
			       l->g_startpc };
	const uint16_t m[] = { l->m_g0, l->m_procid, l->m_curg, l->m_p, l->m_oldp, l->m_isextra };
	const uint16_t p[] = { l->p_id, l->p_status, l->p_m };
	uint32_t g_len = 0, m_len = 0, p_len = 0;

	for (size_t i = 0; i < ARRAY_LEN(g); i++)
		golive_cover(&g_len, g[i], 8);
	for (size_t i = 0; i < ARRAY_LEN(m); i++)
		golive_cover(&m_len, m[i], 8);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		golive_cover(&p_len, p[i], 8);
	if (g_len > GOLIVE_G_BYTES || m_len > GOLIVE_M_BYTES || p_len > GOLIVE_P_BYTES)
		return -ENOTSUP;
	v->g_len = (uint16_t)g_len;
	v->m_len = (uint16_t)m_len;
	v->p_len = (uint16_t)p_len;
	return 0;
}

static void golive_func(const struct golive *v, const char *name, uint64_t *ret_pc,
			uint64_t *ret_end)
{
	struct image_func f;

	if (image_func_find(v->img, name, &f) != 0)
		return;
	*ret_pc = f.entry_va + v->bias;
	if (ret_end)
		*ret_end = f.end_va + v->bias;
}

static int golive_vars(struct golive *v, struct diag *d)
{
	const struct {
		enum image_var var;
		uint64_t *to;
		bool must;
	} rows[] = {
		{ VAR_ALLGLEN, &v->allglen, true },
		{ VAR_ALLGPTR, &v->allgptr, true },
		{ VAR_ALLP, &v->allp, true },
		{ VAR_GOMAXPROCS, &v->gomaxprocs, true },
		{ VAR_ALLM, &v->allm, false },
		{ VAR_GCPHASE, &v->gcphase, false },
		{ VAR_GCCONTROLLER, &v->gccontroller, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t va;
		int err = image_var_find(v->img, rows[i].var, &va, d);

		if (err && rows[i].must)
			return err;
		*rows[i].to = err ? 0 : va + v->bias;
	}
	return 0;
}

int golive_init(struct golive *ret, const struct mem *mem, const struct image *img,
		const struct golayout *lay, uint64_t bias, struct diag *d)
{
	const struct image_info *info = image_get_info(img);
	struct golive v = { .mem = mem, .img = img, .lay = lay ? lay : image_get_layout(img) };
	int err;

	if (!v.lay)
		return diag_set(d, -ENOTSUP,
				"no layout of the runtime's structures is known for %s",
				info->version.text);
	v.arch = info->arch;
	v.minor = info->version.minor;
	v.bias = bias;
	v.text = info->text_va + bias;
	v.etext = info->etext_va + bias;
	if (golive_set_lengths(&v))
		return diag_set(d, -ENOTSUP, "the layout for %s has fields out of reach",
				info->version.text);
	golive_func(&v, "runtime.main", &v.main_pc, NULL);
	golive_func(&v, "runtime.cgocallback", &v.callback, &v.ecallback);
	golive_func(&v, "runtime.goexit", &v.goexit, &v.egoexit);
	golive_func(&v, "runtime.morestack", &v.morestack[0], NULL);
	golive_func(&v, "runtime.morestack_noctxt", &v.morestack[1], NULL);
	err = golive_vars(&v, d);
	if (!err)
		*ret = v;
	return err;
}

/* ---- objects ------------------------------------------------------------------------------ */

/* L2 */
static uint64_t golive_u64(const void *buf, size_t len, uint16_t off)
{
	struct span all = span_of(buf, len), s = span_sub(&all, off, 8);

	return span_u64(&s);
}

static uint32_t golive_u32(const void *buf, size_t len, uint16_t off)
{
	struct span all = span_of(buf, len), s = span_sub(&all, off, 4);

	return span_u32(&s);
}

static uint8_t golive_u8(const void *buf, size_t len, uint16_t off)
{
	struct span all = span_of(buf, len), s = span_sub(&all, off, 1);

	return span_u8(&s);
}

void golive_g_decode(const struct golive *v, const void *buf, size_t len, struct golive_g *ret)
{
	const struct golayout *l = v->lay;

	*ret = (struct golive_g){
		.stack_lo = golive_u64(buf, len, l->g_stack_lo),
		.stack_hi = golive_u64(buf, len, l->g_stack_hi),
		.m = golive_u64(buf, len, l->g_m),
		.sp = golive_u64(buf, len, l->g_sched_sp),
		.pc = golive_u64(buf, len, l->g_sched_pc),
		.bp = golive_u64(buf, len, l->g_sched_bp),
		.sched_g = golive_u64(buf, len, l->g_sched_g),
		.lr = golive_u64(buf, len, l->g_sched_lr),
		.syscallsp = golive_u64(buf, len, l->g_syscallsp),
		.syscallpc = golive_u64(buf, len, l->g_syscallpc),
		.syscallbp = golive_u64(buf, len, l->g_syscallbp),
		.goid = golive_u64(buf, len, l->g_goid),
		.lockedm = golive_u64(buf, len, l->g_lockedm),
		.parent = golive_u64(buf, len, l->g_parentGoid),
		.gopc = golive_u64(buf, len, l->g_gopc),
		.startpc = golive_u64(buf, len, l->g_startpc),
		.status = golive_u32(buf, len, l->g_atomicstatus) & ~(uint32_t)GST_SCAN,
		.waitreason = golive_u8(buf, len, l->g_waitreason),
		.async_safe = golive_u8(buf, len, l->g_asyncSafePoint),
		.sync_safe = golive_u8(buf, len, l->g_syncSafePoint),
		.assist = golive_u8(buf, len, l->g_inMarkAssist),
		.coroexit = golive_u8(buf, len, l->g_coroexit),
	};
}

void golive_m_decode(const struct golive *v, const void *buf, size_t len, struct golive_m *ret)
{
	const struct golayout *l = v->lay;

	*ret = (struct golive_m){
		.g0 = golive_u64(buf, len, l->m_g0),
		.procid = golive_u64(buf, len, l->m_procid),
		.curg = golive_u64(buf, len, l->m_curg),
		.p = golive_u64(buf, len, l->m_p),
		.oldp = golive_u64(buf, len, l->m_oldp),
		.isextra = golive_u8(buf, len, l->m_isextra),
	};
}

void golive_p_decode(const struct golive *v, const void *buf, size_t len, struct golive_p *ret)
{
	const struct golayout *l = v->lay;

	*ret = (struct golive_p){
		.id = golive_u32(buf, len, l->p_id),
		.status = golive_u32(buf, len, l->p_status),
		.m = golive_u64(buf, len, l->p_m),
	};
}

int golive_g_read(const struct golive *v, uint64_t addr, struct golive_g *ret)
{
	uint8_t buf[GOLIVE_G_BYTES];
	int err = mem_read(v->mem, addr, buf, v->g_len);

	if (!err)
		golive_g_decode(v, buf, v->g_len, ret);
	return err;
}

int golive_m_read(const struct golive *v, uint64_t addr, struct golive_m *ret)
{
	uint8_t buf[GOLIVE_M_BYTES];
	int err = mem_read(v->mem, addr, buf, v->m_len);

	if (!err)
		golive_m_decode(v, buf, v->m_len, ret);
	return err;
}

int golive_p_read(const struct golive *v, uint64_t addr, struct golive_p *ret)
{
	uint8_t buf[GOLIVE_P_BYTES];
	int err = mem_read(v->mem, addr, buf, v->p_len);

	if (!err)
		golive_p_decode(v, buf, v->p_len, ret);
	return err;
}

/* ---- lists -------------------------------------------------------------------------------- */

int golive_ptrs(const struct golive *v, uint64_t var, uint64_t first, uint64_t *ret, size_t cnt)
{
	for (unsigned i = 0; i < MOVE_TRIES; i++) {
		uint64_t before, after, addr;
		int err = mem_read_u64(v->mem, var, &before);
		int read_err;

		if (err)
			return err;
		if (num_add(before, first * 8, &addr))
			return -EFAULT;
		/* Little endian like us: every machine we know (base/span.h). */
		read_err = mem_read(v->mem, addr, ret, cnt * 8);
		err = mem_read_u64(v->mem, var, &after);
		if (err)
			return err;
		if (after == before)
			return read_err;
	}
	return -EBUSY;
}

int golive_g_cnt(const struct golive *v, uint64_t *ret, struct diag *d)
{
	uint64_t cnt;
	int err = mem_read_u64(v->mem, v->allglen, &cnt);

	if (err)
		return diag_set(d, err, "cannot read allglen at %#llx",
				(unsigned long long)v->allglen);
	if (cnt == 0 || cnt > LIMIT_GS)
		return diag_set(d, -EBADMSG, "allglen is %llu: no number of goroutines",
				(unsigned long long)cnt);
	*ret = cnt;
	return 0;
}

int golive_p_cnt(const struct golive *v, uint64_t *ret, struct diag *d)
{
	uint64_t len;
	uint32_t procs;
	int err = mem_read_u32(v->mem, v->gomaxprocs, &procs);

	if (!err)
		err = mem_read_u64(v->mem, v->allp + 8, &len);
	if (err)
		return diag_set(d, err, "cannot read gomaxprocs at %#llx or allp at %#llx",
				(unsigned long long)v->gomaxprocs, (unsigned long long)v->allp);
	if (procs == 0 || procs > LIMIT_PS || len == 0 || len > LIMIT_PS)
		return diag_set(d, -EBADMSG,
				"gomaxprocs is %u and allp has %llu entries: no numbers of Ps",
				procs, (unsigned long long)len);
	/* While GOMAXPROCS changes they differ for a moment; the smaller one is safe. */
	*ret = num_min(procs, len);
	return 0;
}
