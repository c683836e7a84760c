/*
 * fuzz_report.c - the report and all exports of any bytes.
 *
 * The first byte chooses: 1 a window, 2 a group, 4 a goroutine's life and the slowest; the rest is
 * the file. The page, the JSON, a comparison with itself, every profile, the text and a cut are
 * made of it.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "include/gotrace.h"
#include "report/compare.h"
#include "report/cut.h"
#include "report/evtext.h"
#include "report/jsonout.h"
#include "report/pprof.h"
#include "report/profile.h"
#include "report/report.h"
#include "report/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct report *read_report(const uint8_t *p, size_t len, unsigned how)
{
	struct report_opts o = {.goroutine = GOTRACE_NO_GOROUTINE, .top = 5};
	struct report *r = NULL;
	struct gotrace *t;

	o.has_from = o.has_to = how & 1;
	o.from_ns = 1000;
	o.to_ns = 1000000;
	o.group = how & 2 ? "main" : NULL;
	if (how & 4) {
		o.goroutine = 1;
		o.slowest = 3;
	}
	if (gotrace_open_mem(p, len, 0, &t, NULL))
		return NULL;
	if (report_new(&o, &r) || report_read(r, t))
		abort();
	gotrace_close(t);
	return r;
}

static void show(struct report *r)
{
	struct text_style style = {.fancy = true, .top = 5};
	struct buf out = {0};
	struct json j = {.out = &out};
	struct compare c;

	if (text_report(r, "fuzz", &style, &out) < 0 || compare_init(&c, r, r) < 0)
		abort();
	compare_text(&c, &style, &out);
	json_object(&j, NULL);
	json_list(&j, "reports");
	jsonout_report(&j, r, "fuzz", 5);
	json_list_end(&j);
	compare_json(&c, &j, 5);
	json_object_end(&j);
	compare_done(&c);
	buf_done(&out);
}

static void export_one(const uint8_t *p, size_t len, enum profile_kind kind)
{
	struct gotrace *t;
	struct gotrace_event ev;
	struct profile prof;
	struct buf text = {0}, gz = {0};

	if (gotrace_open_mem(p, len, 0, &t, NULL))
		return;
	if (profile_init(&prof, kind) < 0)
		abort();
	while (gotrace_next(t, &ev) > 0) {
		profile_feed(&prof, &ev);
		evtext_append(&text, &ev);
	}
	gotrace_close(t);
	buf_reset(&text);
	if (profile_finish(&prof) < 0 || pprof_encode(&prof, &text) < 0 ||
	    pprof_gzip(&text, &gz) < 0)
		abort();
	profile_done(&prof);
	buf_done(&text);
	buf_done(&gz);
}

static int append(void *arg, const void *p, size_t len, struct diag *d)
{
	(void)d;
	buf_bytes(arg, p, len);
	return 0;
}

static void cut(const uint8_t *p, size_t len)
{
	struct buf out = {0};
	struct cut_stats st;
	struct source s;
	struct diag d;

	if (source_open_mem(&s, p, len) < 0)
		return;
	cut_trace(&s, 100, 100000, append, &out, &st, &d);
	source_done(&s);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report *r;

	if (!size)
		return 0;
	r = read_report(data + 1, size - 1, data[0]);
	if (r)
		show(r);
	report_free(r);
	export_one(data + 1, size - 1, data[0] % PROFILE_CNT);
	cut(data + 1, size - 1);
	return 0;
}
