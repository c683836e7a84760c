/*
 * text.h - a trace in memory as lines of text, as readers replay it: what a test of the model says
 * must come out.
 *
 *	= 1				a generation begins
 *	m101 p0 g5 GoBlock sync [main.f10_0 main.f20_0]
 *	m101 p0 g- GoStart g6
 *
 * Thread, P and goroutine are those before the event ("-": none). Sequence numbers are left out:
 * the reader has judged them. Times are left out, unless asked for (ns since the first event).
 */
#ifndef TESTS_MODEL_TEXT_H
#define TESTS_MODEL_TEXT_H

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "trace/reader.h"

static inline void text_id(struct buf *b, char kind, int64_t id)
{
	if (id < 0)
		buf_printf(b, "%c- ", kind);
	else
		buf_printf(b, "%c%lld ", kind, (long long)id);
}

static inline void text_stack(struct buf *b, const struct gotrace_stack *s)
{
	buf_printf(b, " [");
	for (uint32_t i = 0; s && i < s->cnt; i++)
		buf_printf(b, "%s%s", i ? " " : "", s->frames[i]->func.p);
	buf_printf(b, "]");
}

static inline void text_status(struct buf *b, const struct order_event *e)
{
	static const char *const gs[] = { "bad", "runnable", "running", "syscall", "waiting" };
	static const char *const ps[] = { "bad", "running", "idle", "syscall", "abandoned" };
	uint64_t p_st = e->args[1], g_st = e->args[2];

	if (e->type == EV_PROC_STATUS)
		buf_printf(b, " %s", p_st < 5 ? ps[p_st] : "?");
	else
		buf_printf(b, " %s", g_st < 5 ? gs[g_st] : "?");
}

static inline void text_arg(struct buf *b, const struct reader_event *e, unsigned kind, uint64_t v)
{
	const struct gen_str *s;

	switch (kind) {
	case ARG_G:
		buf_printf(b, " g%llu", (unsigned long long)v);
		break;
	case ARG_P:
		buf_printf(b, " p%llu", (unsigned long long)v);
		break;
	case ARG_M:
		if (v == TRACE_NO_M)
			buf_printf(b, " m-");
		else
			buf_printf(b, " m%llu", (unsigned long long)v);
		break;
	case ARG_STRING:
		s = v ? gen_str_get(e->gen, v) : NULL;
		buf_printf(b, " \"%s\"", s ? s->s.p : "");
		break;
	case ARG_STACK:
		text_stack(b, v ? gen_stack_get(e->gen, v) : NULL);
		break;
	case ARG_STATUS:
		text_status(b, e->ev);
		break;
	case ARG_SEQ:
		break;
	default:
		buf_printf(b, " %llu", (unsigned long long)v);
		break;
	}
}

/* The lines; after the last good one "error: ..." if the trace is broken. Zero-terminated. */
static inline void text_of(const struct buf *trace, bool times, struct buf *out)
{
	struct source s;
	struct reader *r = NULL;
	struct reader_event e;
	struct diag d = { 0 };
	int64_t first = -1;
	int rc = source_open_mem(&s, trace->p, trace->len);

	buf_reset(out);
	if (!rc)
		rc = reader_new(&s, false, &r, &d);
	while (!rc && (rc = reader_next(r, &e, &d)) > 0) {
		const struct evspec *spec;

		rc = 0;
		if (e.ev->type == ORDER_SYNC) {
			if (e.gen)
				buf_printf(out, "= %llu\n", (unsigned long long)e.gen->gen);
			continue;
		}
		if (first < 0)
			first = e.ev->time_ns;
		if (times)
			buf_printf(out, "%lld ", (long long)(e.ev->time_ns - first));
		spec = evspec_get(e.ev->type);
		text_id(out, 'm', e.ev->m);
		text_id(out, 'p', e.ev->p);
		text_id(out, 'g', e.ev->g);
		buf_printf(out, "%s", spec->name);
		for (unsigned i = 0; i < spec->nargs; i++)
			text_arg(out, &e, spec->args[i], e.ev->args[i]);
		buf_printf(out, "\n");
	}
	if (rc < 0)
		buf_printf(out, "error: %s\n", d.text);
	reader_free(r);
	buf_u8(out, 0);
}

#endif
