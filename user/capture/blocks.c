#include "capture/blocks.h"

#include <stdlib.h>

struct told {
	uint64_t hash, reason;
	uint16_t skip;
};

struct blocks {
	struct told slots[KNOWN_STACKS][2]; /* the newest first */
	struct rec copy;
};

struct blocks *blocks_new(void)
{
	return calloc(1, sizeof(struct blocks));
}

void blocks_free(struct blocks *b)
{
	free(b);
}

const struct rec *blocks_complete(struct blocks *b, const struct rec *r)
{
	struct told *t;

	if (r->hook != HOOK_PARK || !r->stack)
		return r;
	t = b->slots[KNOWN_SLOT(r->stack)];
	if (r->npc) {
		if (t[0].hash != r->stack)
			t[1] = t[0];
		t[0] = (struct told){ .hash = r->stack, .reason = r->x, .skip = r->skip };
		return r;
	}
	if (t->hash != r->stack && (++t)->hash != r->stack)
		return r;
	b->copy = *r;
	b->copy.x = t->reason;
	b->copy.skip = t->skip;
	return &b->copy;
}
