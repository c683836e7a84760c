/*
 * compare.h - two reports side by side: what got worse, first.
 *
 * M1  Times of the two are made comparable by their length: all are per second of trace.
 * M2  Groups meet by name, stacks by their hash (functions, files and lines) and reason.
 */
#ifndef REPORT_COMPARE_H
#define REPORT_COMPARE_H

#include "base/buf.h"
#include "base/json.h"
#include "report/report.h"
#include "report/text.h"

enum compare_kind {
	COMPARE_RUNNING, /* groups */
	COMPARE_RUNNABLE,
	COMPARE_BLOCKED, /* stacks with their reason */
	COMPARE_SYSCALL,
	COMPARE_CNT,
};

/* One line: ns per second of trace, before and now; change is what they are sorted by. */
struct compare_row {
	double before, now, change;
	const char *name, *reason;
	const struct report *of; /* where stack is from */
	uint32_t stack;
};

/* One number of the whole trace. */
struct compare_total {
	const char *key, *title;
	double before, now;
	bool is_ns; /* else a count or a share */
};

enum { COMPARE_TOTALS = 12 };

struct compare {
	struct compare_total totals[COMPARE_TOTALS];
	struct compare_row *rows[COMPARE_CNT]; /* owned; by falling change */
	size_t cnt[COMPARE_CNT];
};

/* Both are finished and outlive c. 0 or -ENOMEM. */
int compare_init(struct compare *c, const struct report *before, const struct report *now);
void compare_done(struct compare *c);

void compare_text(const struct compare *c, const struct text_style *style, struct buf *out);
void compare_json(const struct compare *c, struct json *j, size_t top);

#endif
