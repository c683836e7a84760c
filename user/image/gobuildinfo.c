#include "image/gobuildinfo.h"

#include <errno.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/num.h"

#define BUILDINFO_MAGIC "\xff Go buildinf:"

enum {
	MAGIC_LEN = 14,
	BUILDINFO_ALIGN = 16,
	BUILDINFO_HDR = 32,
	BUILDINFO_INLINE = 2, /* flag: the strings follow, no pointers */
	VERSION_MAX = 100,    /* longer texts are not runtime.buildVersion */
	MODINFO_MARK = 16,
};

static bool number(const char **p, const char *end, unsigned *ret)
{
	const char *s = *p;
	unsigned v = 0;

	while (s < end && *s >= '0' && *s <= '9' && v < 1000000)
		v = v * 10 + (unsigned)(*s++ - '0');
	if (s == *p)
		return false;
	*p = s;
	*ret = v;
	return true;
}

int goversion_parse(const char *text, size_t len, struct goversion *ret)
{
	static const char go1[] = "go1.";
	const char *p = text, *end = text + len;
	struct goversion v = { 0 };
	size_t n;

	/* "devel go1.28-abcdef Mon ...": the number is there, but it names no layout. */
	if (len > 6 && !memcmp(p, "devel ", 6)) {
		p += 6;
		v.unknown_tail = true;
	}
	if ((size_t)(end - p) < sizeof(go1) || memcmp(p, go1, sizeof(go1) - 1))
		return -EBADMSG;
	p += sizeof(go1) - 1;
	if (!number(&p, end, &v.minor))
		return -EBADMSG;
	if (end - p > 1 && *p == '.') {
		p++;
		if (!number(&p, end, &v.patch))
			v.unknown_tail = true;
	}
	v.unknown_tail |= p != end;
	n = num_min(len, sizeof(v.text) - 1);
	for (size_t i = 0; i < n; i++)
		v.text[i] = (char)(text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?');
	*ret = v;
	return 0;
}

/* ---- the build info block -------------------------------------------------------------------- */

static bool block_at(const struct elfimg *e, uint64_t va, struct span *ret)
{
	uint64_t left = 0;
	const uint8_t *p = elfimg_at(e, va, &left);

	/* Other programs (this one) hold the magic as a text, without what follows. */
	if (!p || left < BUILDINFO_HDR || memcmp(p, BUILDINFO_MAGIC, MAGIC_LEN) ||
	    p[MAGIC_LEN] != 8 || !(p[MAGIC_LEN + 1] & BUILDINFO_INLINE))
		return false;
	*ret = span_of(p, num_min(left, LIMIT_BUILDINFO_LEN));
	return true;
}

/* By section; else at every 16 bytes of the writable segments, as debug/buildinfo does. */
static bool block_find(const struct elfimg *e, struct span *ret)
{
	const struct elfimg_sec *sec = elfimg_section(e, ".go.buildinfo");

	if (sec && block_at(e, sec->va, ret))
		return true;
	for (size_t i = 0; i < e->seg_cnt; i++) {
		const struct elfimg_seg *s = &e->segs[i];

		if (s->exec)
			continue;
		for (uint64_t off = -s->va & (BUILDINFO_ALIGN - 1); off < s->len;
		     off += BUILDINFO_ALIGN)
			if (s->bytes[off] == 0xff && block_at(e, s->va + off, ret))
				return true;
	}
	return false;
}

static bool line_is(struct span line, const char *key, struct span *ret_val)
{
	size_t n = strlen(key);

	if (line.left < n || memcmp(line.p, key, n))
		return false;
	*ret_val = span_sub(&line, n, line.left - n);
	return true;
}

static void settings_read(struct span mod, struct gobuildinfo *bi)
{
	if (mod.left < 2 * MODINFO_MARK)
		return;
	mod = span_sub(&mod, MODINFO_MARK, mod.left - 2 * MODINFO_MARK);
	while (mod.left) {
		const uint8_t *nl = memchr(mod.p, '\n', mod.left);
		size_t len = nl ? (size_t)(nl - mod.p) : mod.left;
		struct span line = span_sub(&mod, 0, len), val, mode;

		if (line_is(line, "build\t-race=", &val))
			bi->race = val.left == 4 && !memcmp(val.p, "true", 4);
		else if (line_is(line, "build\t-pgo=", &val))
			bi->pgo = val.left && !(val.left == 3 && !memcmp(val.p, "off", 3));
		else if (line_is(line, "build\t-buildmode=", &val))
			bi->library = line_is(val, "c-shared", &mode) ||
				      line_is(val, "shared", &mode) || line_is(val, "plugin", &mode);
		span_skip(&mod, len + (nl ? 1 : 0));
	}
}

static int block_read(struct span s, struct gobuildinfo *bi)
{
	struct span ver, mod;
	uint64_t n;

	span_skip(&s, BUILDINFO_HDR);
	n = span_uvarint(&s);
	ver = span_sub(&s, 0, n);
	span_skip(&s, n);
	if (ver.bad || goversion_parse((const char *)ver.p, ver.left, &bi->version))
		return -EBADMSG;
	n = span_uvarint(&s);
	mod = span_sub(&s, 0, n);
	if (!mod.bad)
		settings_read(mod, bi);
	bi->present = true;
	return 0;
}

/* ---- runtime.buildVersion -------------------------------------------------------------------- */

static bool version_at(const struct elfimg *e, uint64_t va, uint64_t len, struct goversion *ret)
{
	struct span s = elfimg_span(e, va, len);

	return !s.bad && !goversion_parse((const char *)s.p, s.left, ret);
}

/*
 * An aligned {pointer, length} in writable data whose text is a version; the last good answer if
 * all that are found agree, else none.
 */
static bool version_scan(const struct elfimg *e, struct goversion *ret)
{
	struct goversion v, found = { 0 };

	for (size_t i = 0; i < e->seg_cnt; i++) {
		const struct elfimg_seg *seg = &e->segs[i];

		if (!seg->write || seg->exec)
			continue;
		for (uint64_t off = -seg->va & 7; seg->len >= 16 && off <= seg->len - 16;
		     off += 8) {
			uint64_t ptr, len;

			memcpy(&len, seg->bytes + off + 8, 8);
			if (len < 5 || len >= VERSION_MAX)
				continue;
			memcpy(&ptr, seg->bytes + off, 8);
			if (!version_at(e, ptr, len, &v))
				continue;
			if (found.text[0] && strcmp(found.text, v.text))
				return false;
			found = v;
		}
	}
	if (!found.text[0])
		return false;
	*ret = found;
	return true;
}

int gobuildinfo_read(const struct elfimg *e, struct gobuildinfo *ret, struct diag *d)
{
	struct gobuildinfo bi = { 0 };
	struct goversion own;
	struct span block;
	bool has_own = version_scan(e, &own);
	int err = block_find(e, &block) ? block_read(block, &bi) : -ENOENT;

	if (err && !has_own)
		return err == -EBADMSG ? diag_set(d, err, "the build info is damaged")
				       : diag_set(d, -ENOTSUP,
						  "not a Go binary: no build info and "
						  "no runtime.buildVersion");
	if (err)
		bi.version = own;
	/*
	 * Build info is data that anyone can rewrite; the runtime's own string is what it runs
	 * with.
	 */
	else if (has_own && (own.minor != bi.version.minor || own.patch != bi.version.patch))
		return diag_set(d, -ENOTSUP, "the build info says %s, the runtime says %s",
				bi.version.text, own.text);
	*ret = bi;
	return 0;
}
