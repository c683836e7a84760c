#include "report/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"

static uint64_t hash_bytes(const char *p, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ULL ^ len; /* FNV-1a, eight bytes at a time */
	uint64_t v;

	for (; len >= sizeof(v); p += sizeof(v), len -= sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		h = (h ^ v) * 0x100000001b3ULL;
		h ^= h >> 29;
	}
	for (; len; p++, len--)
		h = (h ^ (uint8_t)*p) * 0x100000001b3ULL;
	return num_mix(h);
}

/* Room for one more of size bytes each in *p. False: no memory. */
static bool grow(void **p, size_t cnt, size_t *cap, size_t size)
{
	size_t n = *cap ? *cap * 2 : 256;
	void *q;

	if (cnt < *cap)
		return true;
	q = reallocarray(*p, n, size);
	if (!q)
		return false;
	*p = q;
	*cap = n;
	return true;
}

static uint32_t fail(struct intern *in)
{
	in->failed = true;
	return 0;
}

static uint32_t name_add(struct intern *in, struct gotrace_str s, uint64_t key)
{
	char *p = arena_alloc(&in->arena, s.len + 1);

	if (!p || !grow((void **)&in->names, in->name_cnt, &in->name_cap, sizeof(*in->names)) ||
	    map_put(&in->name_tab, key, in->name_cnt) < 0)
		return fail(in);
	memcpy(p, s.p, s.len);
	p[s.len] = 0;
	in->names[in->name_cnt] = (struct gotrace_str){ .p = p, .len = s.len };
	return (uint32_t)in->name_cnt++;
}

static uint32_t name_find(struct intern *in, struct gotrace_str s)
{
	uint64_t key = hash_bytes(s.p, s.len);
	const uint64_t *v;

	for (; (v = map_find(&in->name_tab, key)); key++) {
		const struct gotrace_str *n = &in->names[*v];

		if (n->len == s.len && !memcmp(n->p, s.p, s.len))
			return (uint32_t)*v;
	}
	if (in->arena.used >= LIMIT_REPORT_BYTES) {
		in->over++;
		return 1;
	}
	return name_add(in, s, key);
}

uint32_t intern_name(struct intern *in, struct gotrace_str s)
{
	size_t i = num_mix((uintptr_t)s.p) % INTERN_CACHE;

	if (!s.len)
		return 0;
	if (in->cache[i].p != s.p || in->cache[i].len != s.len) {
		in->cache[i].id = name_find(in, s);
		in->cache[i].p = s.p;
		in->cache[i].len = s.len;
	}
	return in->cache[i].id;
}

uint32_t intern_text(struct intern *in, const char *s)
{
	size_t len = strlen(s);

	return len ? name_find(in, (struct gotrace_str){ .p = s, .len = len }) : 0;
}

static const struct intern_frame *frame_of(struct intern *in, const struct gotrace_frame *f)
{
	struct intern_frame *n;
	uint32_t func = intern_name(in, f->func), file = intern_name(in, f->file);
	uint64_t key = num_mix(f->pc ^ num_mix(f->line ^ num_mix((uint64_t)func << 32 | file)));
	const uint64_t *v = map_find(&in->frame_tab, key);

	if (v)
		return (const void *)(uintptr_t)*v;
	n = arena_alloc(&in->arena, sizeof(*n));
	if (!n || map_put(&in->frame_tab, key, (uintptr_t)n) < 0) {
		in->failed = true;
		return NULL;
	}
	*n = (struct intern_frame){ .pc = f->pc, .line = f->line, .func = func, .file = file };
	return n;
}

static uint32_t stack_add(struct intern *in, const struct gotrace_stack *s)
{
	const struct intern_frame **fs = arena_alloc(&in->arena, (s->cnt + 1) * sizeof(*fs));

	if (!fs || !grow((void **)&in->stacks, in->stack_cnt, &in->stack_cap, sizeof(*in->stacks)))
		return fail(in);
	for (uint32_t i = 0; i < s->cnt; i++) {
		fs[i] = frame_of(in, s->frames[i]);
		if (!fs[i])
			return 0;
	}
	if (map_put(&in->stack_tab, s->hash, in->stack_cnt) < 0)
		return fail(in);
	in->stacks[in->stack_cnt] =
		(struct intern_stack){ .hash = s->hash, .cnt = s->cnt, .frames = fs };
	return (uint32_t)in->stack_cnt++;
}

uint32_t intern_stack(struct intern *in, const struct gotrace_stack *s)
{
	const uint64_t *v;

	if (!s)
		return 0;
	v = map_find(&in->stack_tab, s->hash);
	if (v)
		return (uint32_t)*v;
	if (in->arena.used >= LIMIT_REPORT_BYTES) {
		in->over++;
		return 0;
	}
	return stack_add(in, s);
}

uint32_t intern_root(struct intern *in, const struct gotrace_stack *s)
{
	return s && s->cnt ? intern_name(in, s->frames[s->cnt - 1]->func) : 0;
}

void intern_forget(struct intern *in)
{
	memset(in->cache, 0, sizeof(in->cache));
}

int intern_init(struct intern *in)
{
	static const struct gotrace_str none = { .p = "" }, other = { .p = "(other)", .len = 7 };
	static const struct gotrace_stack empty;

	*in = (struct intern){ 0 };
	name_add(in, none, hash_bytes("", 0));
	name_find(in, other);
	stack_add(in, &empty);
	if (in->failed) {
		intern_done(in);
		return -ENOMEM;
	}
	return 0;
}

void intern_done(struct intern *in)
{
	arena_done(&in->arena);
	free(in->names);
	free(in->stacks);
	map_done(&in->name_tab);
	map_done(&in->stack_tab);
	map_done(&in->frame_tab);
	*in = (struct intern){ 0 };
}
