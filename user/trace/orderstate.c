#include "trace/orderstate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct order *order_new(void)
{
	return calloc(1, sizeof(struct order));
}

struct order_g *order_g_add(struct order *o, uint64_t id, uint8_t status, uint64_t gen)
{
	struct order_g *g = o->free_gs;

	if (g) {
		o->free_gs = g->next_free;
	} else {
		g = arena_alloc(&o->arena, sizeof(*g));
		if (!g)
			return NULL;
		memset(g, 0, sizeof(*g));
	}
	g->id = id;
	g->status = status;
	g->gen = gen;
	g->seq = 0;
	if (idtab_put(&o->gs, id, g) < 0) {
		g->id = TRACE_NO_G;
		g->next_free = o->free_gs;
		o->free_gs = g;
		return NULL;
	}
	if (o->gs.cnt > o->gs_max)
		o->gs_max = o->gs.cnt;
	return g;
}

static void regions_free(struct order *o, struct order_g *g)
{
	while (g->regions) {
		struct order_region *r = g->regions;

		g->regions = r->up;
		order_name_put(o, r->name);
		free(r);
	}
}

void order_g_del(struct order *o, struct order_g *g)
{
	idtab_del(&o->gs, g->id);
	regions_free(o, g);
	g->id = TRACE_NO_G;
	g->ranges.cnt = 0;
	g->next_free = o->free_gs;
	o->free_gs = g;
}

struct order_p *order_p_add(struct order *o, uint64_t id, uint8_t status, uint64_t gen)
{
	struct order_p *p = arena_alloc(&o->arena, sizeof(*p));

	if (!p)
		return NULL;
	*p = (struct order_p){ .id = id, .gen = gen, .status = status };
	return idtab_put(&o->ps, id, p) < 0 ? NULL : p;
}

struct order_m *order_m_get(struct order *o, uint64_t id)
{
	struct order_m *m = idtab_find(&o->ms, id);

	if (m)
		return m;
	m = arena_alloc(&o->arena, sizeof(*m));
	if (!m)
		return NULL;
	*m = (struct order_m){ .id = id, .p_id = UINT64_MAX, .g_id = TRACE_NO_G };
	return idtab_put(&o->ms, id, m) < 0 ? NULL : m;
}

bool order_range_has(const struct order_ranges *r, uint8_t type, uint64_t desc)
{
	for (uint32_t i = 0; i < r->cnt; i++)
		if (r->v[i].type == type && r->v[i].desc == desc)
			return true;
	return false;
}

int order_range_add(struct order_ranges *r, uint8_t type, uint64_t desc)
{
	if (order_range_has(r, type, desc))
		return -EEXIST;
	if (r->cnt == r->cap) {
		uint32_t cap = r->cap ? r->cap * 2 : 4;
		struct order_range *v = reallocarray(r->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		r->v = v;
		r->cap = cap;
	}
	r->v[r->cnt++] = (struct order_range){ .type = type, .desc = desc };
	return 0;
}

int order_range_del(struct order_ranges *r, uint8_t type, uint64_t *ret_desc)
{
	for (uint32_t i = 0; i < r->cnt; i++) {
		if (r->v[i].type == type) {
			*ret_desc = r->v[i].desc;
			r->v[i] = r->v[--r->cnt];
			return 0;
		}
	}
	return -ENOENT;
}

struct order_name *order_name_get(struct order *o, struct gotrace_str s, uint64_t hash)
{
	struct order_name *first = idtab_find(&o->names, hash), *n;

	for (n = first; n; n = n->next) {
		if (n->len == s.len && !memcmp(n->text, s.p, s.len)) {
			o->names_dead -= !n->refs;
			n->refs++;
			return n;
		}
	}
	n = malloc(sizeof(*n) + s.len + 1);
	if (!n)
		return NULL;
	*n = (struct order_name){ .next = first, .hash = hash, .refs = 1, .len = s.len };
	memcpy(n->text, s.p, s.len + 1);
	if (idtab_put(&o->names, hash, n) < 0) {
		free(n);
		return NULL;
	}
	return n;
}

void order_name_put(struct order *o, struct order_name *n)
{
	n->refs--;
	o->names_dead += !n->refs;
}

/* Frees the dead of one chain; returns what is left. */
static struct order_name *names_sweep(struct order_name *n, bool all)
{
	struct order_name *keep = NULL;

	while (n) {
		struct order_name *next = n->next;

		if (all || !n->refs) {
			free(n);
		} else {
			n->next = keep;
			keep = n;
		}
		n = next;
	}
	return keep;
}

void order_sweep(struct order *o)
{
	struct idtab old = o->names;
	size_t pos = 0;
	void *p;

	/* Only when it frees half: the walk is then paid by the puts. */
	if (o->names_dead < 64 || o->names_dead < old.cnt / 2)
		return;
	o->names = (struct idtab){ 0 };
	o->names_dead = 0;
	while ((p = idtab_next(&old, &pos))) {
		struct order_name *n = names_sweep(p, false);

		/*
		 * Without memory for the new table a name is only not shared any more: keep it
		 * alive.
		 */
		while (n) {
			struct order_name *next = n->next;

			n->next = idtab_find(&o->names, n->hash);
			if (idtab_put(&o->names, n->hash, n) < 0)
				n->next = NULL;
			n = next;
		}
	}
	idtab_done(&old);
}

void order_free(struct order *o)
{
	size_t pos = 0;
	void *p;

	if (!o)
		return;
	while ((p = idtab_next(&o->gs, &pos))) {
		struct order_g *g = p;

		regions_free(o, g);
		free(g->ranges.v);
	}
	for (struct order_g *g = o->free_gs; g; g = g->next_free)
		free(g->ranges.v);
	for (pos = 0; (p = idtab_next(&o->ps, &pos));)
		free(((struct order_p *)p)->ranges.v);
	for (pos = 0; (p = idtab_next(&o->tasks, &pos));)
		free(p);
	for (pos = 0; (p = idtab_next(&o->names, &pos));)
		names_sweep(p, true);
	idtab_done(&o->gs);
	idtab_done(&o->ps);
	idtab_done(&o->ms);
	idtab_done(&o->tasks);
	idtab_done(&o->names);
	arena_done(&o->arena);
	free(o);
}

void order_get_counts(const struct order *o, struct order_counts *ret_counts)
{
	*ret_counts =
		(struct order_counts){ .gs = o->gs.cnt, .gs_max = o->gs_max, .ps = o->ps.cnt };
}
