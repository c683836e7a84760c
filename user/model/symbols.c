#include "model/symbols.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/map.h"

/* The frames of one pc, in the arena. */
struct symbol_set {
	uint32_t cnt;
	struct symbol v[];
};

struct symbols {
	struct symbols_source source;
	bool keep;
	struct map by_pc;     /* pc -> struct symbol_set * */
	struct map start_pcs; /* startpc -> what it starts */
	struct map texts;     /* hash of a text -> its copy in the arena (names repeat a lot) */
	struct arena arena;
};

struct symbols *symbols_new(const struct symbols_source *source, bool keep)
{
	struct symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (source)
		s->source = *source;
	s->keep = keep;
	return s;
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	map_done(&s->by_pc);
	map_done(&s->start_pcs);
	map_done(&s->texts);
	arena_done(&s->arena);
	free(s);
}

/* A copy that lives as long as the cache; "" when there is no memory. */
static const char *symbols_text(struct symbols *s, const char *text)
{
	uint64_t h = 0xcbf29ce484222325ULL;
	size_t len = strlen(text);
	const char *old;
	char *copy;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3ULL;
	old = (const char *)(uintptr_t)map_get(&s->texts, h, 0);
	if (old && strcmp(old, text) == 0)
		return old;
	copy = arena_dup(&s->arena, text, len + 1);
	if (!copy)
		return "";
	if (!old)
		(void)map_put(&s->texts, h, (uint64_t)(uintptr_t)copy); /* a miss costs memory only */
	return copy;
}

/*
 * A function's name as the runtime prints it: type arguments become "[...]", from the first '['
 * to the last ']' (Go 1.26 runtime/symtab.go funcNameForPrint).
 */
static const char *symbols_func(struct symbols *s, const char *name)
{
	const char *open = strchr(name, '['), *close = strrchr(name, ']');
	char text[LIMIT_NAME_PRINT];
	int n;

	if (!open || !close || close < open)
		return symbols_text(s, name);
	n = snprintf(text, sizeof(text), "%.*s[...]%s", (int)(open - name), name, close + 1);
	return symbols_text(s, n > 0 && (size_t)n < sizeof(text) ? text : name);
}

static const struct symbol_set *symbols_add(struct symbols *s, uint64_t pc,
					    const struct symbol *frames, size_t n)
{
	struct symbol_set *set = arena_alloc(&s->arena, sizeof(*set) + n * sizeof(set->v[0]));

	if (!set)
		return NULL;
	set->cnt = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		set->v[i] = frames[i];
		set->v[i].func = symbols_func(s, frames[i].func);
		set->v[i].file = symbols_text(s, frames[i].file);
	}
	if (map_put(&s->by_pc, pc, (uint64_t)(uintptr_t)set) < 0)
		return NULL;
	return set;
}

size_t symbols_get(struct symbols *s, uint64_t pc, const struct symbol **ret)
{
	const struct symbol_set *set =
		(const struct symbol_set *)(uintptr_t)map_get(&s->by_pc, pc, 0);

	if (!set) {
		struct symbol frames[SYMBOLS_DEPTH];
		size_t n = 0;

		if (s->source.frames)
			n = s->source.frames(s->source.ctx, pc, frames, SYMBOLS_DEPTH);
		set = symbols_add(s, pc, frames, n);
		if (!set)
			return 0;
	}
	*ret = set->v;
	return set->cnt;
}

uint64_t symbols_start_pc(struct symbols *s, uint64_t startpc)
{
	const uint64_t *known = map_find(&s->start_pcs, startpc);
	uint64_t pc = startpc;

	if (known)
		return *known;
	if (s->source.start_pc)
		pc = s->source.start_pc(s->source.ctx, startpc);
	(void)map_put(&s->start_pcs, startpc, pc);
	return pc;
}

void symbols_trim(struct symbols *s)
{
	if (s->keep || s->by_pc.cnt + s->start_pcs.cnt < SYMBOLS_MAX)
		return;
	map_reset(&s->by_pc);
	map_reset(&s->start_pcs);
	map_reset(&s->texts);
	arena_reset(&s->arena);
}

static void save_text(struct buf *out, const char *text)
{
	size_t len = strlen(text);

	buf_uvarint(out, len);
	buf_bytes(out, text, len);
}

void symbols_save(const struct symbols *s, struct buf *out)
{
	struct map_slot slot;
	size_t pos = 0;

	buf_uvarint(out, s->by_pc.cnt);
	while (map_next(&s->by_pc, &pos, &slot)) {
		const struct symbol_set *set = (const struct symbol_set *)(uintptr_t)slot.val;

		buf_uvarint(out, slot.key);
		buf_uvarint(out, set->cnt);
		for (uint32_t i = 0; i < set->cnt; i++) {
			buf_uvarint(out, set->v[i].pc);
			buf_uvarint(out, set->v[i].line);
			buf_u8(out, set->v[i].wrapper);
			save_text(out, set->v[i].func);
			save_text(out, set->v[i].file);
		}
	}
	buf_uvarint(out, s->start_pcs.cnt);
	pos = 0;
	while (map_next(&s->start_pcs, &pos, &slot)) {
		buf_uvarint(out, slot.key);
		buf_uvarint(out, slot.val);
	}
}

/* A text of the file as a C string in the arena; NULL if it is not there or too long. */
static const char *load_text(struct symbols *s, struct span *in)
{
	uint64_t len = span_uvarint(in);
	const uint8_t *p;
	char *copy;

	if (len > LIMIT_NAME_LEN)
		return NULL;
	p = span_take(in, len);
	copy = p ? arena_alloc(&s->arena, len + 1) : NULL;
	if (!copy)
		return NULL;
	memcpy(copy, p, len);
	copy[len] = '\0';
	return copy;
}

int symbols_load(struct symbols *s, struct span *in, struct diag *d)
{
	uint64_t cnt = span_uvarint(in);

	for (uint64_t k = 0; k < cnt && !in->bad; k++) {
		struct symbol frames[SYMBOLS_DEPTH];
		uint64_t pc = span_uvarint(in), n = span_uvarint(in);

		if (n > SYMBOLS_DEPTH)
			return diag_set_at(d, in->off, -EBADMSG, "symbol table: %llu frames at a pc",
					   (unsigned long long)n);
		for (uint64_t i = 0; i < n; i++) {
			frames[i].pc = span_uvarint(in);
			frames[i].line = (uint32_t)span_uvarint(in);
			frames[i].wrapper = span_u8(in) != 0;
			frames[i].func = load_text(s, in);
			frames[i].file = load_text(s, in);
			if (!frames[i].func || !frames[i].file)
				return diag_set_at(d, in->off, -EBADMSG,
						   "symbol table: a name is damaged");
		}
		if (!symbols_add(s, pc, frames, n))
			return -ENOMEM;
	}
	cnt = span_uvarint(in);
	for (uint64_t k = 0; k < cnt && !in->bad; k++) {
		uint64_t key = span_uvarint(in), val = span_uvarint(in);

		if (map_put(&s->start_pcs, key, val) < 0)
			return -ENOMEM;
	}
	if (in->bad)
		return diag_set_at(d, in->off, -EBADMSG, "symbol table: it ends early");
	return 0;
}
