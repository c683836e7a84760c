#include "image/gopclntab.h"

#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/num.h"

enum {
	PCLN_MAGIC_118 = 0xfffffff0, /* 1.18, 1.19 */
	PCLN_MAGIC_120 = 0xfffffff1, /* 1.20 on */

	HDR_LEN = 72,
	HDR_NFUNC = 8,
	HDR_TABLES = 32, /* five offsets: funcname, cu, filetab, pctab, pcln */

	MD_FUNCNAMETAB = 8, /* the same in all versions */
	MD_FTAB = 128,
	MD_TEXT = 176,
	MD_ETEXT = 184,
	MD_DATA = 208,
	MD_EDATA = 216,

	FTAB_ENTRY = 8,
	NAME_HASH_LEN = 256,  /* a name can be megabytes long */
	PCLN_CANDIDATES = 16, /* places that look like a pcHeader; real binaries have one */

	FUNCDATA_INLTREE = 3, /* internal/abi/symtab.go */
	FUNCDATA_NONE = 0xffffffff,
};

/* What moved between versions; internal/abi/symtab.go, runtime/symtab.go, runtime/runtime2.go. */
struct pcln_layout {
	unsigned minor_first, minor_last;
	uint32_t magic;
	uint16_t md_gofunc, md_textsectmap;
	uint8_t func_len, func_id, func_flag, func_nfuncdata; /* in _func */
	uint8_t node_len, node_id, node_name, node_parent_pc; /* in an inline tree's node */
	uint8_t id_wrapper;				      /* abi.FuncIDWrapper */
};

static const struct pcln_layout layouts[] = {
	{ 19, 19, PCLN_MAGIC_118, 304, 312, 40, 36, 37, 39, 20, 2, 12, 16, 21 },
	{ 20, 20, PCLN_MAGIC_120, 320, 328, 44, 40, 41, 43, 16, 0, 4, 8, 21 },
	{ 21, 21, PCLN_MAGIC_120, 320, 328, 44, 40, 41, 43, 16, 0, 4, 8, 21 },
	{ 22, 22, PCLN_MAGIC_120, 320, 328, 44, 40, 41, 43, 16, 0, 4, 8, 22 },
	{ 23, 24, PCLN_MAGIC_120, 320, 328, 44, 40, 41, 43, 16, 0, 4, 8, 22 },
	{ 25, 25, PCLN_MAGIC_120, 320, 328, 44, 40, 41, 43, 16, 0, 4, 8, 23 },
	{ 26, 26, PCLN_MAGIC_120, 320, 336, 44, 40, 41, 43, 16, 0, 4, 8, 23 },
	{ 27, 27, PCLN_MAGIC_120, 344, 360, 44, 40, 41, 43, 16, 0, 4, 8, 23 },
};

static uint32_t u32_at(const struct span *s, uint64_t off)
{
	struct span r = span_sub(s, off, 4);

	return span_u32(&r);
}

static uint64_t u64_at(const struct span *s, uint64_t off)
{
	struct span r = span_sub(s, off, 8);

	return span_u64(&r);
}

/* All bytes from va to the end of its segment. */
static struct span span_from(const struct elfimg *e, uint64_t va)
{
	uint64_t left = 0;
	const uint8_t *p = elfimg_at(e, va, &left);
	struct span s = span_of(p, left);

	s.bad = !p;
	return s;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* Checks a pcHeader at va on its own bytes and fills the tables. */
static bool header_read(struct gopclntab *t, uint64_t va)
{
	struct span all = span_from(t->elf, va),
		    *tabs[5] = { &t->funcname, &t->cutab, &t->filetab, &t->pctab, &t->pcln };
	uint64_t nfunc;

	if (all.bad || all.left < HDR_LEN || u32_at(&all, 0) != t->lay->magic || all.p[4] ||
	    all.p[5] || (all.p[6] != 1 && all.p[6] != 4) || all.p[7] != 8)
		return false;
	nfunc = u64_at(&all, HDR_NFUNC);
	if (!nfunc || nfunc > LIMIT_FUNCS)
		return false;
	for (int i = 0; i < 5; i++) {
		uint64_t off = u64_at(&all, (uint64_t)HDR_TABLES + 8 * (uint64_t)i);

		if (off < HDR_LEN || off >= all.left)
			return false;
		*tabs[i] = span_sub(&all, off, all.left - off);
	}
	if (t->pcln.left < 4 || nfunc > (t->pcln.left - 4) / FTAB_ENTRY)
		return false;
	t->va = va;
	t->func_cnt = (uint32_t)nfunc;
	t->quantum = all.p[6];
	return true;
}

/* moduledata is where three pointers into our tables stand at their distances. */
static bool moduledata_at(struct gopclntab *t, const struct elfimg_seg *seg, uint64_t off)
{
	uint64_t w[3];

	if (seg->len - off < MD_EDATA + 8)
		return false;
	memcpy(&w[0], seg->bytes + off, 8);
	memcpy(&w[1], seg->bytes + off + MD_FUNCNAMETAB, 8);
	memcpy(&w[2], seg->bytes + off + MD_FTAB, 8);
	return w[0] == t->va && w[1] == t->va + t->funcname.off && w[2] == t->va + t->pcln.off;
}

static bool moduledata_find(struct gopclntab *t)
{
	for (size_t i = 0; i < t->elf->seg_cnt; i++) {
		const struct elfimg_seg *seg = &t->elf->segs[i];
		uint64_t word;

		if (!seg->write)
			continue;
		for (uint64_t off = -seg->va & 7; seg->len >= 8 && off <= seg->len - 8; off += 8) {
			memcpy(&word, seg->bytes + off, 8);
			if (word != t->va || !moduledata_at(t, seg, off))
				continue;
			t->moduledata_va = seg->va + off;
			return true;
		}
	}
	return false;
}

static bool moduledata_read(struct gopclntab *t)
{
	struct span md = span_from(t->elf, t->moduledata_va);
	uint64_t left;

	t->text_va = u64_at(&md, MD_TEXT);
	t->etext_va = u64_at(&md, MD_ETEXT);
	t->data_va = u64_at(&md, MD_DATA);
	t->edata_va = u64_at(&md, MD_EDATA);
	t->gofunc = span_from(t->elf, u64_at(&md, t->lay->md_gofunc));
	return t->etext_va > t->text_va && elfimg_at(t->elf, t->text_va, &left);
}

static bool try_at(struct gopclntab *t, uint64_t va)
{
	return header_read(t, va) && moduledata_find(t) && moduledata_read(t);
}

/* Externally linked PIE up to 1.25 has no section for it: look for the magic. */
static bool scan(struct gopclntab *t)
{
	unsigned tries = 0;

	for (size_t i = 0; i < t->elf->seg_cnt; i++) {
		const struct elfimg_seg *seg = &t->elf->segs[i];

		for (uint64_t off = -seg->va & 7; seg->len >= 8 && off <= seg->len - 8; off += 8) {
			uint32_t word;

			memcpy(&word, seg->bytes + off, 4);
			if (word != t->lay->magic || !header_read(t, seg->va + off))
				continue;
			if (moduledata_find(t) && moduledata_read(t))
				return true;
			if (++tries == PCLN_CANDIDATES)
				return false;
		}
	}
	return false;
}

static bool find(struct gopclntab *t)
{
	static const char *const names[] = { ".gopclntab", ".data.rel.ro.gopclntab" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct elfimg_sec *sec = elfimg_section(t->elf, names[i]);

		if (sec && try_at(t, sec->va))
			return true;
	}
	return scan(t);
}

/* ---- functions ------------------------------------------------------------------------------- */

static uint64_t ftab_entry(const struct gopclntab *t, uint32_t i)
{
	return t->text_va + u32_at(&t->pcln, (uint64_t)i * FTAB_ENTRY);
}

/* Functions must not overlap: what is decoded of them together is then no more than the text. */
static bool is_sorted(const struct gopclntab *t)
{
	for (uint32_t i = 0; i < t->func_cnt; i++)
		if (ftab_entry(t, i) > ftab_entry(t, i + 1))
			return false;
	return true;
}

int gopclntab_func(const struct gopclntab *t, uint32_t i, struct pcln_func *ret)
{
	const struct pcln_layout *lay = t->lay;
	struct pcln_func f = { .idx = i };
	struct span rec;
	uint64_t off;

	if (i >= t->func_cnt)
		return -EBADMSG;
	f.entry_va = ftab_entry(t, i);
	f.end_va = ftab_entry(t, i + 1);
	off = u32_at(&t->pcln, (uint64_t)i * FTAB_ENTRY + 4);
	rec = span_sub(&t->pcln, off, lay->func_len);
	if (rec.bad || f.end_va < f.entry_va)
		return -EBADMSG;
	f.name_off = u32_at(&rec, 4);
	f.pcfile_off = u32_at(&rec, 20);
	f.pcln_off = u32_at(&rec, 24);
	f.pcdata_cnt = u32_at(&rec, 28);
	f.cu_off = u32_at(&rec, 32);
	f.func_id = rec.p[lay->func_id];
	f.flag = rec.p[lay->func_flag];
	f.funcdata_cnt = rec.p[lay->func_nfuncdata];
	if (f.pcdata_cnt > t->pcln.left / 4)
		return -EBADMSG;
	f.tail = span_sub(&t->pcln, off + lay->func_len,
			  4 * ((uint64_t)f.pcdata_cnt + f.funcdata_cnt));
	if (f.tail.bad)
		return -EBADMSG;
	*ret = f;
	return 0;
}

int gopclntab_func_at(const struct gopclntab *t, uint64_t va, struct pcln_func *ret)
{
	uint32_t lo = 0, hi = t->func_cnt; /* entry(lo) <= va < entry(hi) */
	uint32_t want;

	if (va < t->text_va || va >= t->etext_va || va - t->text_va > UINT32_MAX)
		return -ENOENT;
	want = (uint32_t)(va - t->text_va);
	if (want < u32_at(&t->pcln, 0) || want >= u32_at(&t->pcln, (uint64_t)hi * FTAB_ENTRY))
		return -ENOENT;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (u32_at(&t->pcln, (uint64_t)mid * FTAB_ENTRY) <= want)
			lo = mid;
		else
			hi = mid;
	}
	if (gopclntab_func(t, lo, ret) || va < ret->entry_va || va >= ret->end_va)
		return -ENOENT;
	return 0;
}

const char *gopclntab_name(const struct gopclntab *t, uint32_t name_off)
{
	return name_off < t->funcname.left ? (const char *)t->funcname.p + name_off : "";
}

int gopclntab_name_find(const struct gopclntab *t, const char *name, uint32_t *ret_off)
{
	const uint8_t *p = t->funcname.p, *at = p;
	size_t len = strlen(name);

	if (!len)
		return -ENOENT;
	while ((at = memmem(at, t->funcname.left - (size_t)(at - p), name, len + 1))) {
		if (at == p || !at[-1]) {
			*ret_off = (uint32_t)(at - p);
			return 0;
		}
		at++;
	}
	return -ENOENT;
}

bool gopclntab_is_wrapper(const struct gopclntab *t, uint8_t func_id)
{
	return func_id == t->lay->id_wrapper;
}

/* P2: the table ends with the next one, and with a NUL: every offset in it is a string's. */
static void names_close(struct gopclntab *t)
{
	struct span *s = &t->funcname;
	const uint8_t *nul;

	if (t->cutab.off > s->off)
		s->left = num_min(s->left, t->cutab.off - s->off);
	nul = memrchr(s->p, 0, s->left);
	s->left = nul ? (size_t)(nul - s->p) + 1 : 0;
}

/*
 * Since 1.21 the table has the types of a generic function's instance, "main.F[go.shape.int]", and
 * the runtime prints "main.F[...]" (runtime.funcNameForPrint): so do we, in our copy, once. The
 * names stand one behind the other, up to the next table.
 */
static void names_shorten(struct gopclntab *t)
{
	uint8_t *p = (uint8_t *)t->funcname.p, *end = p + t->funcname.left;

	while (p < end) {
		uint8_t *nul = memchr(p, 0, (size_t)(end - p)), *open, *close;

		if (!nul)
			return;
		open = memchr(p, '[', (size_t)(nul - p));
		close = memrchr(p, ']', (size_t)(nul - p));
		if (open && close && close - open >= 4) {
			size_t tail = (size_t)(nul - close);

			memcpy(open + 1, "...", 3);
			memmove(open + 4, close, tail);
			memset(open + 4 + tail, 0, (size_t)(nul - (open + 4 + tail)));
		}
		p = nul + 1;
	}
}

struct span gopclntab_funcdata(const struct gopclntab *t, const struct pcln_func *f, uint32_t idx,
			       uint64_t len)
{
	uint32_t off = FUNCDATA_NONE;

	if (idx < f->funcdata_cnt)
		off = u32_at(&f->tail, 4 * ((uint64_t)f->pcdata_cnt + idx));
	return span_sub(&t->gofunc, off == FUNCDATA_NONE ? UINT64_MAX : off, len);
}

int gopclntab_node(const struct gopclntab *t, const struct pcln_func *f, uint32_t i,
		   struct pcln_node *ret)
{
	const struct pcln_layout *lay = t->lay;
	uint64_t off = (uint64_t)i * lay->node_len;
	struct span rec = gopclntab_funcdata(t, f, FUNCDATA_INLTREE, off + lay->node_len);

	if (rec.bad)
		return -ENOENT;
	rec = span_sub(&rec, off, lay->node_len);
	ret->name_off = u32_at(&rec, lay->node_name);
	ret->parent_pc = u32_at(&rec, lay->node_parent_pc);
	ret->func_id = rec.p[lay->node_id];
	return 0;
}

/* ---- by name --------------------------------------------------------------------------------- */

/* "_." is where the linker of 1.27 puts closures of inlined functions that it merged. */
static bool name_indexed(const char *name)
{
	return !strncmp(name, "runtime", 7) || !strncmp(name, "_.", 2);
}

static uint64_t name_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (unsigned i = 0; i < NAME_HASH_LEN && name[i]; i++)
		h = (h ^ (uint8_t)name[i]) * 0x100000001b3ULL;
	return num_mix(h);
}

static const char *name_of(const struct gopclntab *t, uint32_t i)
{
	uint64_t off = u32_at(&t->pcln, (uint64_t)i * FTAB_ENTRY + 4);
	struct span rec = span_sub(&t->pcln, off, t->lay->func_len);

	return rec.bad ? "" : gopclntab_name(t, u32_at(&rec, 4));
}

/* Chains, not probing: many functions of one name must not make it slow. */
static int index_build(struct gopclntab *t)
{
	uint32_t cnt = 0, n = 0;

	for (uint32_t i = 0; i < t->func_cnt && cnt < LIMIT_RUNTIME_NAMES; i++)
		cnt += name_indexed(name_of(t, i));
	for (t->bucket_cnt = 16; t->bucket_cnt < cnt;)
		t->bucket_cnt *= 2;
	t->buckets = calloc(t->bucket_cnt, sizeof(*t->buckets));
	t->names = calloc((size_t)cnt + 1, sizeof(*t->names));
	if (!t->buckets || !t->names)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->func_cnt && n < cnt; i++) {
		const char *name = name_of(t, i);
		uint32_t *head;

		if (!name_indexed(name))
			continue;
		head = &t->buckets[name_hash(name) & (t->bucket_cnt - 1)];
		t->names[n++] = (struct pcln_name){ .func = i, .next = *head };
		*head = n; /* one more than its place: 0 ends a chain */
	}
	return 0;
}

/* True when the search is over: a function of that name that is no wrapper. */
static bool take_named(const struct gopclntab *t, uint32_t i, const char *name, bool *found,
		       struct pcln_func *ret)
{
	struct pcln_func f;

	if (strcmp(name_of(t, i), name) || gopclntab_func(t, i, &f))
		return false;
	if (*found && gopclntab_is_wrapper(t, f.func_id))
		return false;
	*found = true;
	*ret = f;
	return !gopclntab_is_wrapper(t, f.func_id);
}

int gopclntab_func_find(const struct gopclntab *t, const char *name, struct pcln_func *ret)
{
	bool found = false;

	if (!*name)
		return -ENOENT;
	if (name_indexed(name)) {
		uint32_t n = t->buckets[name_hash(name) & (t->bucket_cnt - 1)];

		for (; n; n = t->names[n - 1].next)
			if (take_named(t, t->names[n - 1].func, name, &found, ret))
				break;
	} else {
		for (uint32_t i = 0; i < t->func_cnt; i++)
			if (take_named(t, i, name, &found, ret))
				break;
	}
	return found ? 0 : -ENOENT;
}

/* ---- life ------------------------------------------------------------------------------------ */

int gopclntab_init(struct gopclntab *t, struct elfimg *e, unsigned minor, struct diag *d)
{
	*t = (struct gopclntab){ .elf = e };
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
		if (minor >= layouts[i].minor_first && minor <= layouts[i].minor_last)
			t->lay = &layouts[i];
	if (!t->lay)
		return diag_set(d, -ENOTSUP, "Go 1.%u is not known here; 1.19 to 1.27 are", minor);
	if (!find(t))
		return diag_set(d, -EBADMSG, "no function table (pclntab) of Go 1.%u", minor);
	/* More than one text section: offsets would need a map (very large external links). */
	if (elfimg_u64(e, t->moduledata_va + t->lay->md_textsectmap + 8, 0) > 1)
		return diag_set(d, -ENOTSUP, "several Go text sections");
	if (!is_sorted(t))
		return diag_set(d, -EBADMSG, "the function table is not in order");
	names_close(t);
	names_shorten(t);
	if (index_build(t))
		return diag_set(d, -ENOMEM, "no memory for the function index");
	return 0;
}

void gopclntab_done(struct gopclntab *t)
{
	free(t->buckets);
	free(t->names);
	*t = (struct gopclntab){ 0 };
}
