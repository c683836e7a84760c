/*
 * text.h - a report as a page for people. Nothing is worked out here.
 *
 * The page's sections: what the trace is, goroutine groups, blocking sites, wakes, latency, pools
 * (text.c); processors, GC, utilisation, syscalls, annotations, gaps (textsys.c); --slowest and
 * --goroutine (textlist.c).
 */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include "base/buf.h"
#include "report/page.h"
#include "report/report.h"

struct text_style {
	bool fancy; /* bars, sparklines */
	size_t top; /* rows of a list */
};

/* name: of the file. 0; -ENOMEM (then out has failed, too). */
int text_report(struct report *r, const char *name, const struct text_style *style,
		struct buf *out);

/* What the trace is, and how much of it there is. */
void text_overview(const struct report *r, const char *name, const struct text_style *style,
		   struct buf *out);

/* Sections; each appends to p. */
void text_goroutines(struct page *p, struct report *r);
void text_system(struct page *p, struct report *r);
void text_slowest(struct page *p, const struct report *r);
void text_life(struct page *p, const struct report *r);
void text_gaps(struct page *p, const struct report *r);

#endif
