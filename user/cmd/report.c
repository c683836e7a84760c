#include "cmd/report.h"

#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/scope.h"
#include "cmd/options.h"
#include "cmd/tracefile.h"
#include "include/gotrace.h"
#include "report/compare.h"
#include "report/jsonout.h"
#include "report/report.h"
#include "report/text.h"

static const char usage[] =
	"usage: gotrace-bpf report [options] FILE...\n"
	"Reads Go execution traces (format of Go 1.22 and newer, also gzip; - is stdin) in one "
	"pass\n"
	"and tells what the goroutines, the processors and the garbage collector did.\n"
	"  --group FUNC       goroutines whose entry function contains FUNC only\n"
	"  --goroutine ID     one goroutine's life, span by span, with stacks\n"
	"  --from T, --to T   of this time only, counted from the first event (1.5s, 200ms, 0)\n"
	"  --slowest N        the N longest of anything, with time and goroutine\n"
	"  --compare OTHER    FILE beside OTHER, the trace from before: what got worse\n"
	"  --json             as JSON (docs/report-json.md)\n"
	"  --top N            rows of each list (10; 100 in JSON)\n"
	"  -h, --help         this text\n"
	"Exit status: 0 fine, 1 a file could not be read to its end, 2 wrong usage.\n";

struct report_cmd {
	struct report_opts opts;
	const char *before; /* --compare, or NULL */
	bool json;
	size_t top;
};

enum {
	OPT_GROUP = 256,
	OPT_GOROUTINE,
	OPT_FROM,
	OPT_TO,
	OPT_SLOWEST,
	OPT_TOP,
	OPT_COMPARE,
	OPT_JSON,
};

static const struct option long_opts[] = {
	{ "group", required_argument, NULL, OPT_GROUP },
	{ "goroutine", required_argument, NULL, OPT_GOROUTINE },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "to", required_argument, NULL, OPT_TO },
	{ "slowest", required_argument, NULL, OPT_SLOWEST },
	{ "top", required_argument, NULL, OPT_TOP },
	{ "compare", required_argument, NULL, OPT_COMPARE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int parse_moment(const char *s, bool *ret_has, int64_t *ret_ns, struct diag *d)
{
	int err = tracefile_moment(s, ret_ns, d);

	if (!err)
		*ret_has = true;
	return err;
}

static int parse_size_t(const char *s, const char *what, size_t *ret, struct diag *d)
{
	uint64_t v;
	int err = parse_u64(s, what, 1, LIMIT_REPORT_TOP, &v, d);

	if (!err)
		*ret = (size_t)v;
	return err;
}

static int report_option(int opt, struct report_cmd *c, struct diag *d)
{
	uint64_t v;
	int err;

	switch (opt) {
	case OPT_GROUP:
		c->opts.group = optarg;
		return 0;
	case OPT_GOROUTINE:
		err = parse_u64(optarg, "--goroutine", 0, INT64_MAX, &v, d);
		if (!err)
			c->opts.goroutine = (int64_t)v;
		return err;
	case OPT_FROM:
		return parse_moment(optarg, &c->opts.has_from, &c->opts.from_ns, d);
	case OPT_TO:
		return parse_moment(optarg, &c->opts.has_to, &c->opts.to_ns, d);
	case OPT_SLOWEST:
		return parse_size_t(optarg, "--slowest", &c->opts.slowest, d);
	case OPT_COMPARE:
		c->before = optarg;
		return 0;
	case OPT_JSON:
		c->json = true;
		return 0;
	case OPT_TOP:
		return parse_size_t(optarg, "--top", &c->top, d);
	default:
		return -EINVAL;
	}
}

static void report_close(struct gotrace **t)
{
	gotrace_close(*t);
}

static void report_drop(struct report **r)
{
	report_free(*r);
}

/* 0, or 1 with the reason told. ret_r is set if something could be read. */
static int report_file(const char *name, const struct report_cmd *c, struct report **ret_r)
{
	SCOPED(report_close) struct gotrace *t = tracefile_open(name);
	SCOPED(report_drop) struct report *r = NULL;
	int err;

	if (!t)
		return 1;
	err = report_new(&c->opts, &r);
	if (!err)
		err = report_read(r, t);
	if (err) {
		log_error("%s: cannot report: %s", name, strerror(-err));
		return 1;
	}
	err = r->error.code != 0;
	if (err)
		tracefile_complain(name, r->error.offset, r->error.text);
	if (!r->info.generations) {
		if (!err)
			log_error("%s: the trace holds no generation", name);
		return 1;
	}
	*ret_r = take_ptr(r);
	return err;
}

static bool is_fancy(void)
{
	const char *term = getenv("TERM");

	if (!isatty(STDOUT_FILENO) || !term || !strcmp(term, "dumb"))
		return false;
	setlocale(LC_CTYPE, "");
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* 0 or -errno of stdout, told. */
static int report_write(const struct buf *out)
{
	if (fwrite(out->p, 1, out->len, stdout) != out->len || fflush(stdout)) {
		log_error("stdout: cannot write: %s", strerror(errno));
		return -EIO;
	}
	return 0;
}

static int report_texts(const struct report_cmd *c, char **files, int cnt)
{
	struct text_style style = { .fancy = is_fancy(), .top = c->top };
	int failed = 0;

	for (int i = 0; i < cnt; i++) {
		SCOPED(report_drop) struct report *r = NULL;
		SCOPED(buf_done) struct buf out = { 0 };

		failed |= report_file(files[i], c, &r);
		if (!r)
			continue;
		if (i)
			buf_u8(&out, '\n');
		if (text_report(r, files[i], &style, &out) < 0) {
			log_error("%s: no memory", files[i]);
			return EXIT_FAILED;
		}
		if (report_write(&out) < 0)
			return EXIT_FAILED;
	}
	return failed ? EXIT_FAILED : EXIT_FINE;
}

static int report_jsons(const struct report_cmd *c, char **files, int cnt)
{
	SCOPED(buf_done) struct buf out = { 0 };
	struct json j = { .out = &out };
	int failed = 0;

	json_object(&j, NULL);
	json_str(&j, "schema", JSONOUT_SCHEMA);
	json_list(&j, "reports");
	for (int i = 0; i < cnt; i++) {
		SCOPED(report_drop) struct report *r = NULL;

		failed |= report_file(files[i], c, &r);
		if (r)
			jsonout_report(&j, r, files[i], c->top);
	}
	json_list_end(&j);
	json_object_end(&j);
	if (out.failed) {
		log_error("report: no memory");
		return EXIT_FAILED;
	}
	return report_write(&out) < 0 || failed ? EXIT_FAILED : EXIT_FINE;
}

static void comparison_json(const struct report_cmd *c, const struct compare *cmp,
			    struct report *const rs[2], const char *name, struct buf *out)
{
	struct json j = { .out = out };

	json_object(&j, NULL);
	json_str(&j, "schema", JSONOUT_SCHEMA);
	json_list(&j, "reports");
	for (int i = 0; i < 2; i++)
		jsonout_report(&j, rs[i], i ? name : c->before, c->top);
	json_list_end(&j);
	compare_json(cmp, &j, c->top);
	json_object_end(&j);
}

static void comparison_text(const struct report_cmd *c, const struct compare *cmp,
			    struct report *const rs[2], const char *name, struct buf *out)
{
	struct text_style style = { .fancy = is_fancy(), .top = c->top };

	for (int i = 0; i < 2; i++) {
		buf_printf(out, i ? "now     " : "before  ");
		text_overview(rs[i], i ? name : c->before, &style, out);
	}
	compare_text(cmp, &style, out);
}

static int report_comparison(const struct report_cmd *c, const char *name)
{
	SCOPED(report_drop) struct report *before = NULL;
	SCOPED(report_drop) struct report *now = NULL;
	SCOPED(buf_done) struct buf out = { 0 };
	int failed = report_file(c->before, c, &before) | report_file(name, c, &now);
	struct compare cmp;

	if (!before || !now)
		return EXIT_FAILED;
	if (compare_init(&cmp, before, now) == 0) {
		struct report *const rs[2] = { before, now };

		(c->json ? comparison_json : comparison_text)(c, &cmp, rs, name, &out);
		compare_done(&cmp);
	} else {
		out.failed = true;
	}
	if (out.failed) {
		log_error("report: no memory");
		return EXIT_FAILED;
	}
	return report_write(&out) < 0 || failed ? EXIT_FAILED : EXIT_FINE;
}

/* What cannot be asked for together, or NULL. */
static const char *report_conflict(const struct report_cmd *c, int files)
{
	if (!files)
		return "no file is named";
	if (c->before && files != 1)
		return "--compare takes one FILE beside OTHER";
	if (c->before && (c->opts.slowest || c->opts.goroutine >= 0))
		return "--compare goes with neither --slowest nor --goroutine";
	if (c->opts.has_from && c->opts.has_to && c->opts.to_ns <= c->opts.from_ns)
		return "--to is not after --from";
	return NULL;
}

int cmd_report(int argc, char **argv)
{
	struct report_cmd c = { .opts = { .goroutine = GOTRACE_NO_GOROUTINE }, .top = 10 };
	struct diag d = { .off = DIAG_NO_OFF };
	const char *why;
	int opt;

	opterr = 0;
	optind = 1;
	while ((opt = getopt_long(argc, argv, "h", long_opts, NULL)) != -1) {
		if (opt == 'h') {
			fputs(usage, stdout);
			return EXIT_FINE;
		}
		if (opt == '?')
			diag_set(&d, -EINVAL, "option '%s' is unknown or lacks its value", argv[optind - 1]);
		if (opt == '?' || report_option(opt, &c, &d) < 0) {
			log_error("report: %s; see gotrace-bpf report --help", d.text);
			return EXIT_USAGE;
		}
	}
	why = report_conflict(&c, argc - optind);
	if (why) {
		log_error("report: %s; see gotrace-bpf report --help", why);
		return EXIT_USAGE;
	}
	if (!c.top)
		c.top = c.json ? 100 : 10;
	c.opts.top = c.top;
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error of ours to tell */
	if (c.before)
		return report_comparison(&c, argv[optind]);
	return (c.json ? report_jsons : report_texts)(&c, argv + optind, argc - optind);
}
