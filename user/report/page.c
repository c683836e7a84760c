#include "report/page.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/parse.h"

enum { SPARK_WIDTH = 64 };

void page_head(struct page *p, const char *title, const char *note)
{
	buf_printf(p->out, "\n%s%s%s\n", title, note ? "  " : "", note ? note : "");
}

void page_ns(struct page *p, int64_t ns, int width)
{
	char t[PARSE_TEXT_MAX];

	buf_printf(p->out, "%*s", width, ns < 0 ? "-" : parse_fmt_ns((uint64_t)ns, t));
}

void page_at(struct page *p, int64_t t, int width)
{
	char s[40];

	snprintf(s, sizeof(s), "%.6fs", (double)(t - p->t0) / 1e9);
	buf_printf(p->out, "%*s", width, s);
}

void page_count(struct page *p, uint64_t n, int width)
{
	char t[PARSE_TEXT_MAX];

	buf_printf(p->out, "%*s", width, parse_fmt_count(n, t));
}

void page_share(struct page *p, int64_t part, int64_t whole, int width)
{
	char t[32] = "-";

	if (whole > 0)
		snprintf(t, sizeof(t), "%.1f%%", 100 * (double)part / (double)whole);
	buf_printf(p->out, "%*s", width, t);
}

/* Bytes of the control character at s; 0: it is none. */
static size_t control_len(const unsigned char *s)
{
	if (*s < 0x20 || *s == 0x7f)
		return 1;
	return *s == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0 ? 2 : 0; /* C1 in UTF-8 */
}

void page_text(struct page *p, const char *s, size_t max)
{
	size_t len = strlen(s);

	if (max > 3 && len > max) {
		s += len - (max - 3);
		while ((*s & 0xc0) == 0x80) /* not inside of a character */
			s++;
		buf_bytes(p->out, "...", 3);
	}
	for (const unsigned char *c = (const unsigned char *)s; *c;) {
		size_t n = control_len(c);

		if (!n)
			buf_u8(p->out, *c++);
		for (; n; n--)
			buf_printf(p->out, "\\x%02x", *c++);
	}
}

void page_name(struct page *p, uint32_t name, const char *none)
{
	const char *s = intern_get(p->in, name);

	page_text(p, *s ? s : none, 0);
}

void page_goroutine(struct page *p, int64_t id, uint32_t name)
{
	if (id < 0)
		return;
	buf_printf(p->out, "g%lld ", (long long)id);
	page_name(p, name, "(no stack seen)");
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void page_frame(struct page *p, const struct intern_frame *f)
{
	page_name(p, f->func, "?");
	buf_printf(p->out, " ");
	page_text(p, base_name(intern_get(p->in, f->file)), 0);
	buf_printf(p->out, ":%llu", (unsigned long long)f->line);
}

/* Frames of the runtime, and of what wraps it, say less than the one that called them. */
static bool is_plumbing(const char *func)
{
	static const char *const heads[] = { "runtime.", "sync.", "internal/", "syscall." };

	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		if (!strncmp(func, heads[i], strlen(heads[i])))
			return true;
	return false;
}

void page_stack(struct page *p, uint32_t stack, const char *indent, size_t max)
{
	const struct intern_stack *s = intern_get_stack(p->in, stack);
	uint32_t i = 0, end;

	while (s->cnt - i > max && is_plumbing(intern_get(p->in, s->frames[i + 1]->func)))
		i++;
	end = s->cnt - i > max ? i + (uint32_t)max : s->cnt;
	for (; i < end; i++) {
		buf_printf(p->out, "%s", indent);
		page_frame(p, s->frames[i]);
		buf_printf(p->out, "\n");
	}
	if (s->cnt > end)
		buf_printf(p->out, "%s... %lu more\n", indent, (unsigned long)(s->cnt - end));
}

void page_leaf(struct page *p, uint32_t stack)
{
	const struct intern_stack *s = intern_get_stack(p->in, stack);
	uint32_t i = 0;

	if (!s->cnt) {
		buf_printf(p->out, "(no stack)");
		return;
	}
	while (i + 1 < s->cnt && is_plumbing(intern_get(p->in, s->frames[i]->func)))
		i++;
	page_frame(p, s->frames[i]);
	if (i + 1 < s->cnt) {
		buf_printf(p->out, " < ");
		page_name(p, s->frames[i + 1]->func, "?");
	}
}

void page_bar(struct page *p, double share, unsigned width)
{
	static const char *const parts[] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	unsigned eighths;

	if (!p->fancy)
		return;
	if (!(share > 0))
		share = 0;
	eighths = (unsigned)((share > 1 ? 1 : share) * width * 8 + 0.5);
	for (unsigned i = 0; i < width; i++) {
		unsigned part = eighths < 8 ? eighths : 8;

		buf_printf(p->out, "%s", part == 8 ? "█" : parts[part]);
		eighths -= part;
	}
}

static void page_sparkline(struct page *p, const struct series *s, unsigned used, double scale)
{
	static const char *const steps[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	unsigned per = (used + SPARK_WIDTH - 1) / SPARK_WIDTH;

	for (unsigned i = 0; per && i < used; i += per) {
		double v = 0;
		unsigned n = 0, step;

		for (; n < per && i + n < used; n++)
			v += series_mean(s, i + n);
		v = scale > 0 ? v / n / scale : 0;
		step = (unsigned)((v > 1 ? 1 : v) * 8 + 0.5);
		buf_printf(p->out, "%s", steps[!step && v > 0 ? 1 : step]);
	}
}

void page_spark(struct page *p, const char *title, const struct series *s, double scale)
{
	unsigned used = series_used(s);
	double most = 0;

	for (unsigned i = 0; i < used; i++)
		if (series_mean(s, i) > most)
			most = series_mean(s, i);
	buf_printf(p->out, "  %-22s", title);
	if (p->fancy)
		page_sparkline(p, s, used, scale > 0 ? scale : most);
}
