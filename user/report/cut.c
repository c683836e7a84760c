#include "report/cut.h"

#include <errno.h>
#include <string.h>

#include "trace/cursor.h"
#include "trace/evspec.h"
#include "trace/gen.h"

struct cutter {
	int64_t from, to;
	cut_write_fn *write;
	void *arg;
	const uint8_t *header;
	int64_t first; /* the trace's begin */
	struct cut_stats st;
};

static int64_t gen_begin(const struct gen *g)
{
	return cursor_ns(g->mul, g->min_ts);
}

static int cutter_write(struct cutter *c, const void *p, size_t len, struct diag *d)
{
	int err = c->write(c->arg, p, len, d);

	if (!err)
		c->st.bytes += len;
	return err;
}

/* Of g's last event, ns, 0 if it has none; what is behind a damaged one does not count, as for a reader. */
static int64_t gen_last(const struct gen *g)
{
	int64_t last = g->sample_cnt ? g->samples[g->sample_cnt - 1].time_ns : 0;
	struct cursor c;
	const char *why;

	for (size_t i = 0; i < g->thread_cnt; i++) {
		const struct gen_batch *b = &g->batches[g->threads[i].last - 1];

		cursor_begin(&c, g->bytes + b->off, b->b.len, b->b.ts, g->mul);
		while (cursor_fill(&c, &why) > 0)
			;
		if (last < c.last_ns)
			last = c.last_ns;
	}
	return last;
}

/* D1. end: when the next one begins, or INT64_MAX. */
static int cutter_gen(struct cutter *c, const struct gen *g, int64_t end, struct diag *d)
{
	int64_t begin = gen_begin(g) - c->first;
	int err = 0;

	if (begin >= c->to || (!c->st.kept && (end <= c->from || end == INT64_MAX) &&
			       gen_last(g) - c->first < c->from))
		return 0;
	if (!c->st.kept++) {
		c->st.begin = begin;
		err = cutter_write(c, c->header, EV_HEADER_LEN, d);
	}
	c->st.end = end == INT64_MAX ? -1 : end;
	return err ? err : cutter_write(c, g->bytes, g->len, d);
}

/* Two generations at a time: one ends where the next begins. */
static int cutter_run(struct cutter *c, struct source *s, unsigned version, struct gen gens[2],
		      struct diag *d)
{
	struct gen *held = NULL;
	int rc = 1, err;

	for (unsigned i = 0; !held || !held->after; i = !i) {
		rc = gen_load(&gens[i], s, version, !held, d);
		if (rc <= 0)
			break;
		if (gen_begin(&gens[i]) < 0)
			return diag_set(d, -EBADMSG, "a generation's time does not fit 64 bits");
		c->st.generations++;
		if (!held)
			c->first = gen_begin(&gens[i]);
		err = held ? cutter_gen(c, held, gen_begin(&gens[i]) - c->first, d) : 0;
		if (err)
			return err;
		held = &gens[i];
		if (gen_begin(held) - c->first >= c->to)
			return 0; /* what follows is of no matter */
	}
	err = held ? cutter_gen(c, held, INT64_MAX, d) : 0;
	if (err || rc <= 0)
		return err ? err : rc;
	*d = held->after_diag;
	return held->after;
}

int cut_trace(struct source *s, int64_t from_ns, int64_t to_ns, cut_write_fn *write, void *arg,
	      struct cut_stats *ret_stats, struct diag *d)
{
	struct gen gens[2] = { 0 };
	uint8_t header[EV_HEADER_LEN];
	struct cutter c = {
		.from = from_ns, .to = to_ns, .write = write, .arg = arg, .header = header};
	struct buf own = { 0 };
	const uint8_t *p;
	size_t have = source_need(s, EV_HEADER_LEN);
	unsigned version;
	int rc;

	if (s->err)
		return diag_set(d, s->err, "cannot read: %s", source_why(s));
	rc = cursor_header(s->p, have, &version, d);
	if (rc < 0)
		return rc;
	memcpy(header, s->p, sizeof(header));
	rc = source_take(s, sizeof(header), &own, &p);
	if (!rc)
		rc = cutter_run(&c, s, version, gens, d);
	else
		diag_set(d, rc, "no memory");
	buf_done(&own);
	gen_done(&gens[0]);
	gen_done(&gens[1]);
	*ret_stats = c.st;
	return rc;
}
