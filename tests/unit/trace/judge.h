/* judge.h - what the order rules say of one thread's events. */
#ifndef TEST_TRACE_JUDGE_H
#define TEST_TRACE_JUDGE_H

#include "wire.h"

#include "trace/ordercheck.h"

struct judged {
	const char *events; /* behind RUNNING, on thread 7 */
	const char *other;  /* on thread 8, or NULL */
	const char *want;   /* a part of the sentence; NULL: lawful */
};

static inline void judge(const struct judged *c)
{
	struct trace_counts counts;
	struct buf w = { 0 };
	struct diag d = { 0 };
	char text[4096];
	int rc;

	snprintf(text, sizeof(text), RUNNING "%s", c->events);
	wire_head(&w, 26);
	wire_sync(&w, 26, 1);
	wire_batch(&w, 1, UINT64_MAX, 1,
		   "Strings\nString id=1\ndata=\"one\"\nString id=2\ndata=\"two\"");
	wire_batch(&w, 1, 7, 100, text);
	if (c->other)
		wire_batch(&w, 1, 8, 100, c->other);
	wire_end(&w, 26);
	rc = order_check_mem(w.p, w.len, &counts, &d);
	if (!c->want && rc)
		fail_msg("%s / %s: %s", c->events, c->other ? c->other : "", d.text);
	if (c->want && (!rc || !strstr(d.text, c->want)))
		fail_msg("%s / %s: wanted \"%s\", got %d \"%s\"", c->events,
			 c->other ? c->other : "", c->want, rc, d.text);
	if (c->want) {
		assert_non_null(strstr(d.text, "generation 1: "));
		assert_true(d.off > 16 && d.off < w.len);
	}
	buf_done(&w);
}

#define JUDGE_ALL(cases)                                                                           \
	for (size_t i_ = 0; i_ < sizeof(cases) / sizeof((cases)[0]); i_++)                         \
	judge(&(cases)[i_])

#endif
