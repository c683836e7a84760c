#include "trace/rawtext.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "base/span.h"
#include "base/utf8.h"
#include "trace/cursor.h"
#include "trace/evspec.h"

/* The arguments' names, dt included, as the text has them. */
static const char *const arg_names[EV_TABLE_LEN][6] = {
	[EV_EVENT_BATCH] = { "gen", "m", "time", "size" },
	[EV_STACK] = { "id", "nframes" },
	[EV_STRING] = { "id" },
	[EV_CPU_SAMPLE] = { "time", "m", "p", "g", "stack" },
	[EV_FREQUENCY] = { "freq" },
	[EV_EXPERIMENTAL_BATCH] = { "exp", "gen", "m", "time" },
	[EV_PROCS_CHANGE] = { "dt", "procs_value", "stack" },
	[EV_PROC_START] = { "dt", "p", "p_seq" },
	[EV_PROC_STOP] = { "dt" },
	[EV_PROC_STEAL] = { "dt", "p", "p_seq", "m" },
	[EV_PROC_STATUS] = { "dt", "p", "pstatus" },
	[EV_GO_CREATE] = { "dt", "new_g", "new_stack", "stack" },
	[EV_GO_CREATE_SYSCALL] = { "dt", "new_g" },
	[EV_GO_START] = { "dt", "g", "g_seq" },
	[EV_GO_DESTROY] = { "dt" },
	[EV_GO_DESTROY_SYSCALL] = { "dt" },
	[EV_GO_STOP] = { "dt", "reason_string", "stack" },
	[EV_GO_BLOCK] = { "dt", "reason_string", "stack" },
	[EV_GO_UNBLOCK] = { "dt", "g", "g_seq", "stack" },
	[EV_GO_SYSCALL_BEGIN] = { "dt", "p_seq", "stack" },
	[EV_GO_SYSCALL_END] = { "dt" },
	[EV_GO_SYSCALL_END_BLOCKED] = { "dt" },
	[EV_GO_STATUS] = { "dt", "g", "m", "gstatus" },
	[EV_STW_BEGIN] = { "dt", "kind_string", "stack" },
	[EV_STW_END] = { "dt" },
	[EV_GC_ACTIVE] = { "dt", "gc_seq" },
	[EV_GC_BEGIN] = { "dt", "gc_seq", "stack" },
	[EV_GC_END] = { "dt", "gc_seq" },
	[EV_GC_SWEEP_ACTIVE] = { "dt", "p" },
	[EV_GC_SWEEP_BEGIN] = { "dt", "stack" },
	[EV_GC_SWEEP_END] = { "dt", "swept_value", "reclaimed_value" },
	[EV_GC_MARK_ASSIST_ACTIVE] = { "dt", "g" },
	[EV_GC_MARK_ASSIST_BEGIN] = { "dt", "stack" },
	[EV_GC_MARK_ASSIST_END] = { "dt" },
	[EV_HEAP_ALLOC] = { "dt", "heapalloc_value" },
	[EV_HEAP_GOAL] = { "dt", "heapgoal_value" },
	[EV_GO_LABEL] = { "dt", "label_string" },
	[EV_USER_TASK_BEGIN] = { "dt", "task", "parent_task", "name_string", "stack" },
	[EV_USER_TASK_END] = { "dt", "task", "stack" },
	[EV_USER_REGION_BEGIN] = { "dt", "task", "name_string", "stack" },
	[EV_USER_REGION_END] = { "dt", "task", "name_string", "stack" },
	[EV_USER_LOG] = { "dt", "task", "key_string", "value_string", "stack" },
	[EV_GO_SWITCH] = { "dt", "g", "g_seq" },
	[EV_GO_SWITCH_DESTROY] = { "dt", "g", "g_seq" },
	[EV_GO_CREATE_BLOCKED] = { "dt", "new_g", "new_stack", "stack" },
	[EV_GO_STATUS_STACK] = { "dt", "g", "m", "gstatus", "stack" },
	[EV_CLOCK_SNAPSHOT] = { "dt", "mono", "sec", "nsec" },
	[EV_SPAN] = { "dt", "id", "npages_value", "kindclass" },
	[EV_SPAN_ALLOC] = { "dt", "id", "npages_value", "kindclass" },
	[EV_SPAN_FREE] = { "dt", "id" },
	[EV_HEAP_OBJECT] = { "dt", "id", "type" },
	[EV_HEAP_OBJECT_ALLOC] = { "dt", "id", "type" },
	[EV_HEAP_OBJECT_FREE] = { "dt", "id" },
	[EV_GOROUTINE_STACK] = { "dt", "id", "order" },
	[EV_GOROUTINE_STACK_ALLOC] = { "dt", "id", "order" },
	[EV_GOROUTINE_STACK_FREE] = { "dt", "id" },
};

static const char *const frame_names[] = { "pc", "func", "file", "line" };

static unsigned arg_count(unsigned type)
{
	unsigned n = 0;

	while (n < ARRAY_LEN(arg_names[0]) && arg_names[type][n])
		n++;
	return n;
}

static bool has_data(unsigned type)
{
	return type == EV_STRING || type == EV_EXPERIMENTAL_BATCH;
}

/* --- wire to text --------------------------------------------------------------------------------- */

/* As Go's strconv.Quote, but for characters that cannot be printed: they stay. */
static void put_quoted(struct buf *out, const uint8_t *p, size_t len)
{
	static const char from[] = "\a\b\f\n\r\t\v\"\\", to[] = "abfnrtv\"\\";

	buf_u8(out, '"');
	for (size_t i = 0; i < len; i++) {
		const char *esc = p[i] ? strchr(from, p[i]) : NULL;
		size_t n = p[i] >= 0x80 ? utf8_len(p + i, len - i) : 0;

		if (n) {
			buf_bytes(out, p + i, n);
			i += n - 1;
		} else if (esc) {
			buf_u8(out, '\\');
			buf_u8(out, (uint8_t)to[esc - from]);
		} else if (p[i] < 0x20 || p[i] >= 0x7f) {
			buf_printf(out, "\\x%02x", p[i]);
		} else {
			buf_u8(out, p[i]);
		}
	}
	buf_u8(out, '"');
}

static void put_number(struct buf *out, const char *name, uint64_t v)
{
	buf_printf(out, "%s=%llu", name, (unsigned long long)v);
}

/* What follows the arguments of a stack or of an event with data. */
static void put_trailer(struct buf *out, struct span *s, unsigned type, uint64_t frames)
{
	if (type == EV_STACK) {
		for (uint64_t i = 0; i < frames && !s->bad; i++) {
			for (unsigned k = 0; k < 4; k++) {
				buf_bytes(out, k ? " " : "\n\t", k ? 1 : 2);
				put_number(out, frame_names[k], span_uvarint(s));
			}
		}
	} else if (has_data(type)) {
		uint64_t len = span_uvarint(s);
		const uint8_t *p = span_take(s, len);

		if (p) {
			buf_bytes(out, "\n\tdata=", 7);
			put_quoted(out, p, (size_t)len);
		}
	}
}

static void put_event(struct buf *out, struct span *s, unsigned type)
{
	const char *name = evspec_table[type].name;
	uint64_t v = 0;

	buf_bytes(out, name, strlen(name));
	for (unsigned i = 0; i < arg_count(type); i++) {
		v = span_uvarint(s);
		buf_u8(out, ' ');
		put_number(out, arg_names[type][i], v);
	}
	put_trailer(out, s, type, v);
	buf_u8(out, '\n');
}

int rawtext_from_wire(const void *wire, size_t len, struct buf *out, struct diag *d)
{
	struct span s = span_of(wire, len);
	unsigned version;
	int err = cursor_header(wire, len, &version, d);

	if (err < 0)
		return err;
	span_skip(&s, EV_HEADER_LEN);
	buf_printf(out, "Trace Go1.%u\n", version);
	while (s.left) {
		size_t at = s.off, start = out->len;
		unsigned type = span_u8(&s);
		const struct evspec *spec = evspec_get(type);

		if (!spec || spec->since > version)
			return diag_set_at(d, at, -EBADMSG, "no event of format 1.%u has type %u", version,
					   type);
		put_event(out, &s, type);
		if (s.bad) {
			out->len = start;
			return diag_set_at(d, at, -EBADMSG, "%s is cut off, or a number in it is too long",
					   spec->name);
		}
	}
	return out->failed ? diag_set(d, -ENOMEM, "no memory") : 0;
}

/* --- text to wire --------------------------------------------------------------------------------- */

struct words {
	const char *p, *end; /* the rest of the line */
};

struct lines {
	const char *p, *end; /* the rest of the text */
	size_t no;
	struct diag *d;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The next word of the line, without quotes' meaning. False at its end or a comment. */
static bool next_word(struct words *w, struct words *ret)
{
	while (w->p < w->end && is_space(*w->p))
		w->p++;
	if (w->p == w->end || *w->p == '#')
		return false;
	ret->p = w->p;
	while (w->p < w->end && !is_space(*w->p) && *w->p != '#')
		w->p++;
	ret->end = w->p;
	return true;
}

/* The next line that says something. False at the end of the text. */
static bool next_line(struct lines *l, struct words *ret)
{
	while (l->p < l->end) {
		const char *nl = memchr(l->p, '\n', (size_t)(l->end - l->p));
		struct words line = { l->p, nl ? nl : l->end }, probe = line, word;

		l->p = nl ? nl + 1 : l->end;
		l->no++;
		if (next_word(&probe, &word)) {
			*ret = line;
			return true;
		}
	}
	return false;
}

static int line_fail(const struct lines *l, const char *what, const char *name)
{
	return diag_set(l->d, -EBADMSG, "line %zu: %s%s", l->no, what, name);
}

static bool word_is(const struct words *w, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(w->end - w->p) == n && !memcmp(w->p, text, n);
}

static bool parse_number(const char *p, const char *end, uint64_t *ret)
{
	uint64_t v = 0;

	if (p == end)
		return false;
	for (; p < end; p++)
		if (*p < '0' || *p > '9' || num_mul(v, (uint64_t)10, &v) ||
		    num_add(v, (uint64_t)(*p - '0'), &v))
			return false;
	*ret = v;
	return true;
}

/* "name=number", appended as a uvarint. */
static int read_arg(struct lines *l, struct words *line, const char *name, struct buf *out,
		    uint64_t *ret)
{
	struct words w;
	size_t n = strlen(name);

	if (!next_word(line, &w) || (size_t)(w.end - w.p) <= n || memcmp(w.p, name, n) || w.p[n] != '=')
		return line_fail(l, "expected the argument ", name);
	if (!parse_number(w.p + n + 1, w.end, ret))
		return line_fail(l, "not a number of 64 bits: the argument ", name);
	buf_uvarint(out, *ret);
	return 0;
}

static int line_end(struct lines *l, struct words *line)
{
	struct words w;

	return next_word(line, &w) ? line_fail(l, "more than belongs there", "") : 0;
}

static bool hex_digits(const char **p, const char *end, unsigned cnt, uint32_t *ret)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < cnt; i++, (*p)++) {
		char c = *p < end ? **p : 0;

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v << 4 | (uint32_t)((c | 32) - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return true;
}

static void put_utf8(struct buf *out, uint32_t v)
{
	if (v < 0x80) {
		buf_u8(out, (uint8_t)v);
	} else if (v < 0x800) {
		buf_u8(out, (uint8_t)(0xc0 | v >> 6));
		buf_u8(out, (uint8_t)(0x80 | (v & 0x3f)));
	} else {
		if (v >= 0x10000) {
			buf_u8(out, (uint8_t)(0xf0 | v >> 18));
			buf_u8(out, (uint8_t)(0x80 | (v >> 12 & 0x3f)));
		} else {
			buf_u8(out, (uint8_t)(0xe0 | v >> 12));
		}
		buf_u8(out, (uint8_t)(0x80 | (v >> 6 & 0x3f)));
		buf_u8(out, (uint8_t)(0x80 | (v & 0x3f)));
	}
}

/* What follows a backslash. */
static bool read_escape(const char **p, const char *end, struct buf *out)
{
	static const char from[] = "abfnrtv\"\\'", to[] = "\a\b\f\n\r\t\v\"\\'";
	char c = *p < end ? *(*p)++ : 0;
	const char *esc = c ? strchr(from, c) : NULL;
	uint32_t v;

	if (esc) {
		buf_u8(out, (uint8_t)to[esc - from]);
		return true;
	}
	if (c == 'x') {
		if (!hex_digits(p, end, 2, &v))
			return false;
		buf_u8(out, (uint8_t)v);
		return true;
	}
	if (c != 'u' && c != 'U')
		return false;
	if (!hex_digits(p, end, c == 'u' ? 4 : 8, &v) || v > 0x10ffff)
		return false;
	put_utf8(out, v);
	return true;
}

/* data="..." */
static int read_data(struct lines *l, struct buf *out)
{
	static const char head[] = "data=\"";
	struct buf data = { 0 };
	struct words line;
	const char *p;
	bool ok;

	if (!next_line(l, &line))
		return line_fail(l, "the text ends before the data", "");
	for (p = line.p; p < line.end && is_space(*p); p++)
		;
	ok = (size_t)(line.end - p) > sizeof(head) - 1 && !memcmp(p, head, sizeof(head) - 1);
	for (p += ok ? sizeof(head) - 1 : 0; ok && p < line.end && *p != '"';) {
		if (*p == '\\') {
			p++;
			ok = read_escape(&p, line.end, &data);
		} else {
			buf_u8(&data, (uint8_t)*p++);
		}
	}
	if (ok && p < line.end) {
		buf_uvarint(out, data.len);
		buf_bytes(out, data.p, data.len);
	}
	ok = ok && p < line.end;
	buf_done(&data);
	return ok ? 0 : line_fail(l, "expected data=\"...\"", "");
}

static int read_frames(struct lines *l, uint64_t cnt, struct buf *out)
{
	for (uint64_t i = 0; i < cnt; i++) {
		struct words line;
		uint64_t v;
		int err = 0;

		if (!next_line(l, &line))
			return line_fail(l, "the text ends within a stack", "");
		for (unsigned k = 0; k < 4 && !err; k++)
			err = read_arg(l, &line, frame_names[k], out, &v);
		if (!err)
			err = line_end(l, &line);
		if (err < 0)
			return err;
	}
	return 0;
}

static unsigned find_event(const struct words *name, unsigned version)
{
	for (unsigned i = 1; i < EV_TABLE_LEN; i++)
		if (evspec_table[i].name && evspec_table[i].since <= version &&
		    word_is(name, evspec_table[i].name))
			return i;
	return EV_NONE;
}

static int read_event(struct lines *l, struct words *line, unsigned version, struct buf *out)
{
	struct words name = { 0 };
	uint64_t v = 0;
	unsigned type;
	int err = 0;

	next_word(line, &name);
	type = find_event(&name, version);
	if (type == EV_NONE)
		return line_fail(l, "no event of this version has this name", "");
	buf_u8(out, (uint8_t)type);
	for (unsigned i = 0; i < arg_count(type) && !err; i++)
		err = read_arg(l, line, arg_names[type][i], out, &v);
	if (!err)
		err = line_end(l, line);
	if (err < 0)
		return err;
	if (type == EV_STACK)
		return read_frames(l, v, out);
	return has_data(type) ? read_data(l, out) : 0;
}

int rawtext_to_wire(const char *text, size_t len, struct buf *out, struct diag *d)
{
	struct lines l = { .p = text, .end = text + len, .d = d };
	struct words line, w;
	char head[EV_HEADER_LEN + 1] = { 0 };
	uint64_t version = 0;

	if (!next_line(&l, &line) || !next_word(&line, &w) || !word_is(&w, "Trace") ||
	    !next_word(&line, &w) || w.end - w.p < 5 || memcmp(w.p, "Go1.", 4) ||
	    !parse_number(w.p + 4, w.end, &version) || version > 99)
		return line_fail(&l, "expected \"Trace Go1.NN\"", "");
	if (!evspec_version_known((unsigned)version))
		return diag_set(d, -ENOTSUP, "line %zu: no trace format is called 1.%llu", l.no,
				(unsigned long long)version);
	snprintf(head, sizeof(head), "go 1.%u trace", (unsigned)version);
	buf_bytes(out, head, EV_HEADER_LEN);
	while (next_line(&l, &line)) {
		int err = read_event(&l, &line, (unsigned)version, out);

		if (err < 0)
			return err;
	}
	return out->failed ? diag_set(d, -ENOMEM, "no memory") : 0;
}
