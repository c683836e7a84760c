#include "cmd/export.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/scope.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/tracefile.h"
#include "include/gotrace.h"
#include "report/cut.h"
#include "report/evtext.h"
#include "report/pprof.h"
#include "report/profile.h"
#include "trace/source.h"

static const char usage[] =
	"usage: gotrace-bpf export --pprof KIND|--text|--cut T1,T2 [-o OUT] FILE\n"
	"Reads one Go execution trace (format of Go 1.22 and newer, also gzip; - is stdin).\n"
	"  --pprof KIND   time by stack for go tool pprof: net, sync, syscall, sched (the totals "
	"of\n"
	"                 go tool trace -pprof), or cpu (the trace's CPU samples, 10ms each)\n"
	"  --text         every event, as go tool trace -d=parsed prints it\n"
	"  --cut T1,T2    a smaller trace: the generations that this time touches, counted from "
	"the\n"
	"                 first event (1.5s,2s)\n"
	"  -o OUT         the file to write; default is stdout\n"
	"  -h, --help     this text\n"
	"Exit status: 0 fine, 1 the file could not be read to its end (what could be read is "
	"written),\n"
	"2 wrong usage.\n";

enum export_what { EXPORT_NONE, EXPORT_PPROF, EXPORT_TEXT, EXPORT_CUT };

struct export_cmd {
	enum export_what what;
	enum profile_kind kind;
	int64_t from_ns, to_ns;
	const char *out;
};

enum { OPT_PPROF = 256, OPT_TEXT, OPT_CUT };
enum { TEXT_CHUNK = 256 * 1024 };

static int take_cut(const char *arg, struct export_cmd *c, struct diag *d)
{
	SCOPED_FREE char *text = strdup(arg);
	char *comma = text ? strchr(text, ',') : NULL;
	int err;

	if (!comma)
		return diag_set(d, -EINVAL, "--cut '%s': give two times, as in 1.5s,2s", arg);
	*comma = 0;
	err = tracefile_moment(text, &c->from_ns, d);
	if (!err)
		err = tracefile_moment(comma + 1, &c->to_ns, d);
	if (!err && c->to_ns <= c->from_ns)
		err = diag_set(d, -EINVAL, "--cut '%s': the second time is not after the first", arg);
	return err;
}

static int take_option(int opt, struct export_cmd *c, struct diag *d)
{
	static const enum export_what whats[] = { EXPORT_PPROF, EXPORT_TEXT, EXPORT_CUT };

	if (opt == 'o') {
		c->out = optarg;
		return 0;
	}
	if (c->what)
		return diag_set(d, -EINVAL, "only one of --pprof, --text and --cut");
	c->what = whats[opt - OPT_PPROF];
	if (opt == OPT_CUT)
		return take_cut(optarg, c, d);
	if (opt == OPT_PPROF && profile_kind_parse(optarg, &c->kind) < 0)
		return diag_set(d, -EINVAL, "--pprof '%s': use net, sync, syscall, sched or cpu", optarg);
	return 0;
}

/* A trace that is read, and where to. */
struct export_run {
	const char *name;
	struct output *out;
	int failed; /* an exit status; the reason was told */
	bool unwritten; /* whatever was read, the file is not whole */
};

static void complain(struct export_run *r, uint64_t off, const char *text)
{
	tracefile_complain(r->name, off, text);
	r->failed = EXIT_FAILED;
}

/* False: told. */
static bool write_out(struct export_run *r, struct buf *b)
{
	struct diag d;

	if (b->failed) {
		log_error("%s: no memory", r->name);
		r->failed = EXIT_FAILED;
	} else if (output_write(r->out, b->p, b->len, &d) < 0) {
		log_error("%s", d.text);
		r->failed = EXIT_FAILED;
	} else {
		buf_reset(b);
		return true;
	}
	return false;
}

static struct gotrace *open_trace(struct export_run *r)
{
	struct gotrace *t = tracefile_open(r->name);

	if (!t)
		r->failed = EXIT_FAILED;
	return t;
}

/* Whether any generation was read; the error that ended it is told. */
static bool ended(struct export_run *r, const struct gotrace *t)
{
	const struct gotrace_error *e = gotrace_get_error(t);
	struct gotrace_info info;

	gotrace_get_info(t, &info);
	if (e->code)
		complain(r, e->offset, e->text);
	else if (!info.generations)
		complain(r, DIAG_NO_OFF, "the trace holds no generation");
	return info.generations;
}

static bool export_text(struct export_run *r)
{
	SCOPED(buf_done) struct buf b = { 0 };
	struct gotrace *t = open_trace(r);
	struct gotrace_event ev;
	bool ok = true;

	if (!t)
		return false;
	while (ok && gotrace_next(t, &ev) > 0) {
		evtext_append(&b, &ev);
		if (b.len >= TEXT_CHUNK || b.failed)
			ok = write_out(r, &b);
	}
	ok = ok && ended(r, t) && write_out(r, &b);
	gotrace_close(t);
	return ok;
}

static bool write_profile(struct export_run *r, struct profile *p)
{
	SCOPED(buf_done) struct buf msg = { 0 };
	SCOPED(buf_done) struct buf gz = { 0 };

	if (profile_finish(p) < 0 || pprof_encode(p, &msg) < 0 || pprof_gzip(&msg, &gz) < 0)
		gz.failed = true;
	return write_out(r, &gz);
}

static bool export_pprof(struct export_run *r, enum profile_kind kind)
{
	struct gotrace *t = open_trace(r);
	struct gotrace_event ev;
	struct profile p = { 0 };
	bool ok = false;

	if (!t)
		return false;
	if (profile_init(&p, kind) == 0) {
		while (gotrace_next(t, &ev) > 0)
			profile_feed(&p, &ev);
		ok = ended(r, t) && write_profile(r, &p);
	} else {
		complain(r, DIAG_NO_OFF, "no memory");
	}
	profile_done(&p);
	gotrace_close(t);
	return ok;
}

static int write_cut(void *arg, const void *p, size_t len, struct diag *d)
{
	struct export_run *r = arg;
	int err = output_write(r->out, p, len, d);

	r->unwritten |= err < 0;
	return err;
}

static void tell_cut(const struct export_run *r, const struct cut_stats *st)
{
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX], bytes[PARSE_TEXT_MAX];

	log_info("%s: kept %llu generation%s, from %s to %s, %s", r->name,
		 (unsigned long long)st->kept, st->kept == 1 ? "" : "s",
		 parse_fmt_ns((uint64_t)st->begin, a),
		 st->end < 0 ? "the end" : parse_fmt_ns((uint64_t)st->end, b),
		 parse_fmt_bytes(st->bytes, bytes));
}

static bool export_cut(struct export_run *r, const struct export_cmd *c)
{
	bool is_stdin = !strcmp(r->name, "-");
	struct diag d = { .off = DIAG_NO_OFF };
	struct cut_stats st = { 0 };
	struct source s;
	int fd = is_stdin ? STDIN_FILENO : open(r->name, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : source_open_fd(&s, fd, !is_stdin);

	if (err) {
		diag_set(&d, err, "cannot open: %s", strerror(-err));
		complain(r, d.off, d.text);
		return false;
	}
	err = cut_trace(&s, c->from_ns, c->to_ns, write_cut, r, &st, &d);
	source_done(&s);
	if (err)
		complain(r, d.off, d.text);
	if (!st.kept && !err)
		complain(r, DIAG_NO_OFF, "nothing of the trace is in this time");
	if (st.kept && !r->unwritten)
		tell_cut(r, &st);
	return st.kept && !r->unwritten;
}

static int export_run(const struct export_cmd *c, const char *name)
{
	struct output out;
	struct export_run r = { .name = name, .out = &out };
	struct diag d;
	bool ok;

	if (output_open(&out, c->out ? c->out : "-", &d) < 0) {
		log_error("%s", d.text);
		return EXIT_FAILED;
	}
	if (c->what == EXPORT_TEXT)
		ok = export_text(&r);
	else if (c->what == EXPORT_PPROF)
		ok = export_pprof(&r, c->kind);
	else
		ok = export_cut(&r, c);
	if (ok && output_commit(&out, &d) < 0) {
		log_error("%s", d.text);
		r.failed = EXIT_FAILED;
	}
	output_done(&out);
	return r.failed;
}

int cmd_export(int argc, char **argv)
{
	static const struct option long_opts[] = {
		{ "pprof", required_argument, NULL, OPT_PPROF },
		{ "text", no_argument, NULL, OPT_TEXT },
		{ "cut", required_argument, NULL, OPT_CUT },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct export_cmd c = { 0 };
	struct diag d = { .off = DIAG_NO_OFF };
	const char *why = NULL;
	int opt;

	opterr = 0;
	optind = 1;
	while ((opt = getopt_long(argc, argv, "o:h", long_opts, NULL)) != -1) {
		if (opt == 'h') {
			fputs(usage, stdout);
			return EXIT_FINE;
		}
		if (opt == '?')
			diag_set(&d, -EINVAL, "option '%s' is unknown or lacks its value", argv[optind - 1]);
		if (opt == '?' || take_option(opt, &c, &d) < 0) {
			log_error("export: %s; see gotrace-bpf export --help", d.text);
			return EXIT_USAGE;
		}
	}
	if (!c.what)
		why = "nothing to do: give --pprof, --text or --cut";
	else if (optind + 1 != argc)
		why = "name one FILE";
	else if (!c.out && c.what != EXPORT_TEXT && isatty(STDOUT_FILENO))
		why = "this is not text: name a file by -o";
	if (why) {
		log_error("export: %s; see gotrace-bpf export --help", why);
		return EXIT_USAGE;
	}
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error of ours to tell */
	return export_run(&c, argv[optind]);
}
