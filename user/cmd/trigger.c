#include "cmd/trigger.h"

#include <errno.h>

uint64_t triggers_due(const struct triggers *q)
{
	uint64_t due, spaced, space = q->min_interval_ns;

	if (q->state != TRIG_WAITING)
		return UINT64_MAX;
	due = q->cur.at_ns + q->after_ns;
	if (space < q->cur.spacing_ns)
		space = q->cur.spacing_ns;
	spaced = q->begun_ns ? q->begun_ns + space : 0;
	return due > spaced ? due : spaced;
}

int triggers_add(struct triggers *q, const struct trigger *t, uint64_t *ret_id)
{
	struct trigger *to;

	if (q->state == TRIG_IDLE) {
		q->state = TRIG_WAITING;
		to = &q->cur;
	} else if (!t->file[0] && !t->last_ns && q->state == TRIG_WAITING &&
		   t->at_ns + q->after_ns <= triggers_due(q)) {
		q->joined++;
		*ret_id = q->cur.id;
		return 0;
	} else if (!q->have_next) {
		q->have_next = true;
		to = &q->next;
	} else if (t->file[0]) {
		return -EBUSY;
	} else {
		q->joined++;
		*ret_id = q->next.id;
		return 0;
	}
	*to = *t;
	to->id = ++q->ids;
	*ret_id = to->id;
	return 1;
}

void triggers_begin(struct triggers *q, uint64_t now_ns)
{
	q->state = TRIG_WRITING;
	q->begun_ns = now_ns;
}

void triggers_end(struct triggers *q)
{
	q->state = TRIG_IDLE;
	if (q->have_next) {
		q->cur = q->next;
		q->have_next = false;
		q->state = TRIG_WAITING;
	}
}
