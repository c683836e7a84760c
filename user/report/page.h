/*
 * page.h - a page of text for a terminal or a pipe: columns, durations, bars, foreign names.
 *
 * P1  Foreign text cannot move the cursor: control characters come out as \xNN.
 * P2  Bars and sparklines are drawn only if fancy (a terminal that shows UTF-8); what they show is
 *     there as numbers, too.
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "report/intern.h"
#include "report/series.h"

struct page {
	struct buf *out;	 /* borrowed; its failed is the page's */
	const struct intern *in; /* borrowed: where names are */
	bool fancy;
	size_t top; /* rows of a list */
	int64_t t0; /* times are told since then */
};

/* An empty line and a title; note may be NULL. */
void page_head(struct page *p, const char *title, const char *note);

/* A duration, right-aligned in width columns: "1.23ms". Left-aligned if width < 0. */
void page_ns(struct page *p, int64_t ns, int width);
/* A moment: seconds since t0 with 6 decimals and an "s". */
void page_at(struct page *p, int64_t t, int width);
void page_count(struct page *p, uint64_t n, int width);
/* part of whole in percent, "-" if whole is 0. */
void page_share(struct page *p, int64_t part, int64_t whole, int width);

/* P1; at most max columns, cut in front ("...rest") if longer; max 0: all of it. */
void page_text(struct page *p, const char *s, size_t max);
/* An interned name; `none` if it is "". */
void page_name(struct page *p, uint32_t name, const char *none);
/* "g12 main.worker", or nothing for id -1. */
void page_goroutine(struct page *p, int64_t id, uint32_t name);

/*
 * The stack's frames, leaf first, each on a line behind indent; at most max of them. If that is not all,
 * those of the runtime, but for the last before its caller, are left out first.
 */
void page_stack(struct page *p, uint32_t stack, const char *indent, size_t max);
/* Its leaf outside of the runtime, and who called it, on one line. */
void page_leaf(struct page *p, uint32_t stack);

/* Eighths of blocks, width columns; nothing if not fancy. */
void page_bar(struct page *p, double share, unsigned width);
/*
 * The title and, if fancy, the series as a sparkline; the line goes on. scale: the value of the highest
 * bar; 0: the series' own peak.
 */
void page_spark(struct page *p, const char *title, const struct series *s, double scale);

#endif
