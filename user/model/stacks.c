#include "model/stacks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "include/record.h"

struct stack {
	uint64_t hash;
	uint64_t *pcs; /* owned; NULL: this entry is free */
	uint32_t refs;
	uint32_t next; /* in its bucket, or the next free entry */
	uint8_t npc, skip, flags;
	bool used;
};

/* What a hash stands for, and its number as it was last asked for. */
struct told {
	uint64_t hash;
	uint64_t *pcs; /* owned */
	uint64_t key;  /* the stack's own hash, to tell if the number is still its */
	uint32_t id;
	uint8_t npc, skip, flags;
};

struct stacks {
	struct told (*told)[2]; /* owned; KNOWN_STACKS, made when needed: newest first */
	struct stack *v; /* owned; v[0] is never used */
	uint32_t cnt, cap, free_head, live;
	uint32_t *buckets; /* owned; heads of chains, 0 ends */
	uint32_t bucket_cnt; /* a power of two */
};

enum { STACKS_MIN = 1024 };

struct stacks *stacks_new(void)
{
	struct stacks *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->bucket_cnt = STACKS_MIN;
	s->buckets = calloc(s->bucket_cnt, sizeof(*s->buckets));
	s->cap = STACKS_MIN;
	s->v = calloc(s->cap, sizeof(*s->v));
	s->cnt = 1;
	if (!s->buckets || !s->v) {
		stacks_free(s);
		return NULL;
	}
	return s;
}

void stacks_free(struct stacks *s)
{
	if (!s)
		return;
	for (uint32_t i = 1; s->v && i < s->cnt; i++)
		free(s->v[i].pcs);
	for (uint32_t i = 0; s->told && i < KNOWN_STACKS; i++) {
		free(s->told[i][0].pcs);
		free(s->told[i][1].pcs);
	}
	free(s->told);
	free(s->v);
	free(s->buckets);
	free(s);
}

static uint64_t stack_hash(const uint64_t *pcs, size_t n, unsigned skip, unsigned flags)
{
	uint64_t h = n | (uint64_t)skip << 8 | (uint64_t)flags << 16;

	for (size_t i = 0; i < n; i++)
		h = (h ^ pcs[i]) * 0x9e3779b97f4a7c15ULL, h ^= h >> 29;
	return num_mix(h);
}

static void stacks_rehash(struct stacks *s, uint32_t bucket_cnt)
{
	uint32_t *b = calloc(bucket_cnt, sizeof(*b));

	if (!b)
		return; /* longer chains, nothing worse */
	free(s->buckets);
	s->buckets = b;
	s->bucket_cnt = bucket_cnt;
	for (uint32_t i = 1; i < s->cnt; i++) {
		if (!s->v[i].pcs)
			continue;
		uint32_t *head = &b[s->v[i].hash & (bucket_cnt - 1)];

		s->v[i].next = *head;
		*head = i;
	}
}

static uint32_t stacks_alloc(struct stacks *s)
{
	uint32_t i = s->free_head;

	if (i) {
		s->free_head = s->v[i].next;
		return i;
	}
	if (s->cnt == s->cap) {
		struct stack *v = reallocarray(s->v, (size_t)s->cap * 2, sizeof(*v));

		if (!v)
			return 0;
		memset(v + s->cap, 0, s->cap * sizeof(*v));
		s->v = v;
		s->cap *= 2;
	}
	return s->cnt++;
}

uint32_t stacks_intern(struct stacks *s, const uint64_t *pcs, size_t n, unsigned skip,
		       unsigned flags)
{
	uint64_t hash;
	uint32_t i, *head;
	struct stack *e;

	if (n == 0)
		return 0;
	if (n > LIMIT_FRAMES)
		n = LIMIT_FRAMES;
	if (skip > UINT8_MAX)
		skip = UINT8_MAX;
	hash = stack_hash(pcs, n, skip, flags);
	for (i = s->buckets[hash & (s->bucket_cnt - 1)]; i; i = s->v[i].next) {
		e = &s->v[i];
		if (e->hash == hash && e->npc == n && e->skip == skip && e->flags == flags &&
		    memcmp(e->pcs, pcs, n * sizeof(*pcs)) == 0)
			return i;
	}
	i = stacks_alloc(s);
	if (!i)
		return 0;
	e = &s->v[i];
	*e = (struct stack){ .hash = hash, .npc = (uint8_t)n, .skip = (uint8_t)skip,
			     .flags = (uint8_t)flags };
	e->pcs = malloc(n * sizeof(*pcs));
	if (!e->pcs) {
		e->next = s->free_head;
		s->free_head = i;
		return 0;
	}
	memcpy(e->pcs, pcs, n * sizeof(*pcs));
	s->live++;
	head = &s->buckets[hash & (s->bucket_cnt - 1)];
	e->next = *head;
	*head = i;
	if (s->live > s->bucket_cnt)
		stacks_rehash(s, s->bucket_cnt * 2);
	return i;
}

int stacks_tell(struct stacks *s, uint64_t hash, const uint64_t *pcs, size_t n)
{
	struct told *t;
	uint64_t *copy;

	if (!s->told)
		s->told = calloc(KNOWN_STACKS, sizeof(*s->told));
	if (!s->told)
		return -ENOMEM;
	t = s->told[KNOWN_SLOT(hash)];
	if (t[0].hash == hash || n == 0)
		return 0;
	if (n > LIMIT_FRAMES)
		n = LIMIT_FRAMES;
	copy = malloc(n * sizeof(*pcs));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, pcs, n * sizeof(*pcs));
	free(t[1].pcs);
	t[1] = t[0];
	t[0] = (struct told){ .hash = hash, .pcs = copy, .npc = (uint8_t)n };
	return 0;
}

uint32_t stacks_told(struct stacks *s, uint64_t hash, unsigned skip, unsigned flags)
{
	struct told *t = s->told ? s->told[KNOWN_SLOT(hash)] : NULL;

	if (!t)
		return 0;
	if (t->hash != hash && (++t)->hash != hash)
		return 0;
	if (skip > UINT8_MAX)
		skip = UINT8_MAX;
	if (t->id && t->skip == skip && t->flags == flags && s->v[t->id].pcs &&
	    s->v[t->id].hash == t->key)
		return t->id;
	t->id = stacks_intern(s, t->pcs, t->npc, skip, flags);
	t->key = s->v[t->id].hash;
	t->skip = (uint8_t)skip;
	t->flags = (uint8_t)flags;
	return t->id;
}

void stacks_ref(struct stacks *s, uint32_t id)
{
	if (id)
		s->v[id].refs++;
}

void stacks_unref(struct stacks *s, uint32_t id)
{
	if (id)
		s->v[id].refs--;
}

uint64_t stacks_use(struct stacks *s, uint32_t id)
{
	if (id)
		s->v[id].used = true;
	return id;
}

/* A wrapper is hidden unless what it called is one of these (Go 1.26 runtime/traceback.go, showframe). */
static bool keeps_wrapper(const char *callee)
{
	return strcmp(callee, "runtime.gopanic") == 0 || strcmp(callee, "runtime.sigpanic") == 0 ||
	       strcmp(callee, "runtime.panicwrap") == 0;
}

size_t stacks_frames(struct symbols *sym, const uint64_t *pcs, size_t n, unsigned skip,
		     unsigned flags, struct gen_frame *ret)
{
	const char *inner = "";
	size_t cnt = 0;

	for (size_t i = 0; i < n && cnt < LIMIT_FRAMES; i++) {
		uint64_t pc = pcs[i] - ((i == 0 && (flags & STACK_ENTRY_PC)) ? 0 : 1);
		const struct symbol *f;
		size_t depth = symbols_get(sym, pc, &f);

		for (size_t k = 0; k < depth && cnt < LIMIT_FRAMES; k++) {
			bool hidden = f[k].wrapper && !keeps_wrapper(inner);

			inner = f[k].func;
			if (hidden)
				continue;
			if (skip) {
				skip--;
				continue;
			}
			ret[cnt++] = (struct gen_frame){ .pc = f[k].pc,
							 .func = f[k].func,
							 .file = f[k].file,
							 .line = f[k].line };
		}
	}
	if (cnt > 0 && strcmp(ret[cnt - 1].func, "runtime.goexit") == 0)
		cnt--;
	if (cnt > 1 && strcmp(ret[cnt - 1].func, "runtime.main") == 0)
		cnt--;
	return cnt;
}

/* Unlinks and frees what neither a goroutine nor this generation needs. */
static void stacks_sweep(struct stacks *s)
{
	for (uint32_t b = 0; b < s->bucket_cnt; b++) {
		uint32_t *link = &s->buckets[b];

		while (*link) {
			uint32_t i = *link;
			struct stack *e = &s->v[i];

			if (e->refs || e->used) {
				e->used = false;
				link = &e->next;
				continue;
			}
			*link = e->next;
			free(e->pcs);
			*e = (struct stack){ .next = s->free_head };
			s->free_head = i;
			s->live--;
		}
	}
}

void stacks_write(struct stacks *s, struct symbols *sym, struct genwriter *w)
{
	struct gen_frame frames[LIMIT_FRAMES];

	for (uint32_t i = 1; i < s->cnt; i++) {
		const struct stack *e = &s->v[i];

		if (!e->pcs || !e->used)
			continue;
		genwriter_stack(w, i, frames,
				stacks_frames(sym, e->pcs, e->npc, e->skip, e->flags, frames));
	}
	stacks_sweep(s);
}
