#include "report/evtext.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"

/* Decimal, without printf: there are tens of millions. */
static void put_uint(struct buf *out, uint64_t v)
{
	char text[20];
	size_t i = sizeof(text);

	do {
		text[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_bytes(out, text + i, sizeof(text) - i);
}

static void put_int(struct buf *out, int64_t v)
{
	if (v < 0)
		buf_u8(out, '-');
	put_uint(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void put_text(struct buf *out, const char *s)
{
	buf_bytes(out, s, strlen(s));
}

static void put_escape(struct buf *out, uint8_t c)
{
	static const char names[] = "abtnvfr"; /* 7 to 13 */

	if (c == '"' || c == '\\')
		buf_printf(out, "\\%c", c);
	else if (c >= 7 && c <= 13)
		buf_printf(out, "\\%c", names[c - 7]);
	else
		buf_printf(out, "\\x%02x", c);
}

/* Go's %q. */
static void put_quoted(struct buf *out, struct gotrace_str s)
{
	buf_u8(out, '"');
	for (size_t i = 0; i < s.len;) {
		uint8_t c = (uint8_t)s.p[i];
		size_t n = utf8_len((const uint8_t *)s.p + i, s.len - i);

		if (!n || (n == 1 && (c < 0x20 || c == 0x7f || c == '"' || c == '\\'))) {
			put_escape(out, c);
			n = 1;
		} else if (n == 2 && c == 0xc2 && (uint8_t)s.p[i + 1] < 0xa0) {
			buf_printf(out, "\\u%04x", (uint8_t)s.p[i + 1]); /* C1 controls */
		} else {
			buf_bytes(out, s.p + i, n);
		}
		i += n;
	}
	buf_u8(out, '"');
}

static void put_resource(struct buf *out, const struct gotrace_resource *r)
{
	put_text(out, gotrace_resource_kind_name(r->kind));
	if (r->kind == GOTRACE_RESOURCE_NONE)
		return;
	buf_u8(out, '(');
	put_int(out, r->id);
	buf_u8(out, ')');
}

static void put_stack(struct buf *out, const struct gotrace_stack *s)
{
	for (uint32_t i = 0; i < s->cnt; i++) {
		const struct gotrace_frame *f = s->frames[i];

		buf_u8(out, '\t');
		buf_bytes(out, f->func.p, f->func.len);
		buf_printf(out, " @ 0x%" PRIx64 "\n\t\t", f->pc);
		buf_bytes(out, f->file.p, f->file.len);
		buf_u8(out, ':');
		put_uint(out, f->line);
		buf_u8(out, '\n');
	}
}

static void put_transition(struct buf *out, const struct gotrace_transition *t)
{
	bool go = t->resource.kind == GOTRACE_RESOURCE_GOROUTINE;

	put_text(out, go ? " GoID=" : " ProcID=");
	put_int(out, t->resource.id);
	buf_u8(out, ' ');
	put_text(out, go ? gotrace_go_state_name(t->from) : gotrace_proc_state_name(t->from));
	put_text(out, "->");
	put_text(out, go ? gotrace_go_state_name(t->to) : gotrace_proc_state_name(t->to));
	put_text(out, " Reason=");
	put_quoted(out, t->reason);
	if (t->stack) {
		put_text(out, "\nTransitionStack=\n");
		put_stack(out, t->stack);
	}
}

static void put_range(struct buf *out, const struct gotrace_event *ev)
{
	const struct gotrace_range *r = &ev->u.range;

	put_text(out, " Name=");
	put_quoted(out, r->name);
	put_text(out, " Scope=");
	put_resource(out, &r->scope);
	if (ev->kind != GOTRACE_RANGE_END)
		return;
	put_text(out, " Attributes=[");
	if (r->has_sweep)
		buf_printf(out,
			   "\"bytes swept\"=Value{Uint64(%" PRIu64 ")} "
			   "\"bytes reclaimed\"=Value{Uint64(%" PRIu64 ")}",
			   r->swept_bytes, r->reclaimed_bytes);
	buf_u8(out, ']');
}

/* RFC 3339 with as many digits as are needed, in local time: time.RFC3339Nano. */
static void put_wall(struct buf *out, int64_t sec, int64_t nsec)
{
	time_t t = (time_t)sec;
	char text[64], frac[16];
	struct tm tm;
	long off;
	size_t n;

	if (!localtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	put_text(out, text);
	n = (size_t)snprintf(frac, sizeof(frac), ".%09d", (int)(nsec % 1000000000));
	while (n && frac[n - 1] == '0')
		n--;
	buf_bytes(out, frac, n > 1 ? n : 0);
	off = tm.tm_gmtoff / 60;
	if (!off)
		buf_u8(out, 'Z');
	else
		buf_printf(out, "%c%02ld:%02ld", off < 0 ? '-' : '+', (off < 0 ? -off : off) / 60,
			   (off < 0 ? -off : off) % 60);
}

static void put_sync(struct buf *out, const struct gotrace_sync *s)
{
	put_text(out, " N=");
	put_uint(out, s->n);
	if (!s->has_clock)
		return;
	put_text(out, " Trace=");
	put_int(out, s->clock.trace_ns);
	put_text(out, " Mono=");
	put_uint(out, s->clock.mono_ns);
	put_text(out, " Wall=");
	put_wall(out, s->clock.wall_sec, s->clock.wall_nsec);
}

static void put_experimental(struct buf *out, const struct gotrace_experimental *x)
{
	buf_printf(out, " Name=%s Args=[", x->name);
	for (unsigned i = 0; i < x->nargs; i++)
		buf_printf(out, "%s%s=Value{Uint64(%" PRIu64 ")}", i ? ", " : "", x->arg_names[i],
			   x->args[i]);
	buf_u8(out, ']');
}

static void put_user(struct buf *out, const struct gotrace_event *ev)
{
	if (ev->kind == GOTRACE_TASK_BEGIN || ev->kind == GOTRACE_TASK_END) {
		buf_printf(out, " ID=%" PRIu64 " Parent=%" PRIu64 " Type=", ev->u.task.id,
			   ev->u.task.parent);
		put_quoted(out, ev->u.task.type);
	} else if (ev->kind == GOTRACE_LOG) {
		buf_printf(out, " Task=%" PRIu64 " Category=", ev->u.log.task);
		put_quoted(out, ev->u.log.category);
		put_text(out, " Message=");
		put_quoted(out, ev->u.log.message);
	} else {
		buf_printf(out, " Task=%" PRIu64 " Type=", ev->u.region.task);
		put_quoted(out, ev->u.region.type);
	}
}

static void put_details(struct buf *out, const struct gotrace_event *ev)
{
	switch (ev->kind) {
	case GOTRACE_METRIC:
		buf_printf(out, " Name=\"%s\" Value=Value{Uint64(%" PRIu64 ")}", ev->u.metric.name,
			   ev->u.metric.value);
		break;
	case GOTRACE_LABEL:
		put_text(out, " Label=");
		put_quoted(out, ev->u.label.label);
		put_text(out, " Resource=");
		put_resource(out, &ev->u.label.resource);
		break;
	case GOTRACE_RANGE_BEGIN:
	case GOTRACE_RANGE_ACTIVE:
	case GOTRACE_RANGE_END:
		put_range(out, ev);
		break;
	case GOTRACE_TASK_BEGIN:
	case GOTRACE_TASK_END:
	case GOTRACE_REGION_BEGIN:
	case GOTRACE_REGION_END:
	case GOTRACE_LOG:
		put_user(out, ev);
		break;
	case GOTRACE_STATE_TRANSITION:
		put_transition(out, &ev->u.transition);
		break;
	case GOTRACE_EXPERIMENTAL:
		put_experimental(out, &ev->u.experimental);
		break;
	case GOTRACE_SYNC:
		put_sync(out, &ev->u.sync);
		break;
	default:
		break;
	}
}

void evtext_append(struct buf *out, const struct gotrace_event *ev)
{
	put_text(out, "M=");
	put_int(out, ev->thread);
	put_text(out, " P=");
	put_int(out, ev->proc);
	put_text(out, " G=");
	put_int(out, ev->goroutine);
	buf_u8(out, ' ');
	put_text(out, gotrace_kind_name(ev->kind));
	put_text(out, " Time=");
	put_int(out, ev->time);
	put_details(out, ev);
	if (ev->stack) {
		put_text(out, "\nStack=\n");
		put_stack(out, ev->stack);
	}
	buf_u8(out, '\n');
}
