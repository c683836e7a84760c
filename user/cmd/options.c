#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/parse.h"
#include "capture/plan.h"

const char options_help[] =
	"usage: gotrace-bpf -p PID [-d DURATION] [-o FILE]   record a running Go process\n"
	"       gotrace-bpf check -p PID | BINARY            what a recording would find\n"
	"       gotrace-bpf replay CAPTURE -o FILE           the trace of a --capture file again\n"
	"       gotrace-bpf validate FILE                    is this trace lawful, what is in it\n"
	"       gotrace-bpf report FILE                      what happened in it, on a page\n"
	"       gotrace-bpf export --pprof|--text|--cut FILE the same as profile, text, less of it\n"
	"\n"
	"  -p, --pid PID         the process to record; it is never stopped or written to\n"
	"  -d, --duration TIME   5s, 500ms, 1m30s; a bare number is seconds (default: until Ctrl-C)\n"
	"  -o, --output FILE     default NAME-PID-TIME.trace here; - for stdout\n"
	"      --format V        auto, 1.22, 1.23, 1.25 or 1.26: the trace format's version\n"
	"      --capture FILE    also save what was seen, for replay\n"
	"      --syscalls MODE   auto, uprobe, tracepoint or off: how syscalls are seen\n"
	"      --plan PLAN       full, stop or lean: each costs the target less and shows less;\n"
	"                        auto: full, and less when that costs too much\n"
	"      --max-overhead PCT|off  of the process's own CPU time: show less, and pause, to stay\n"
	"                        below it (off; 3% with -F and --plan auto)\n"
	"      --max-rate N      the same for hits of probes a second\n"
	"      --ring SIZE       memory for events on their way, all CPUs together (64mb)\n"
	"      --traced          record although a debugger is attached\n"
	"  -q, --quiet           only errors       -v, --verbose   more words\n"
	"      --version         -h, --help\n"
	"\n"
	"Flight recorder: record on and on, keep the newest in memory, write it when asked:\n"
	"  -F, --flight TIME[,SIZE]  keep this much (30s, 256mb or 30s,256mb); SIGUSR1 writes a dump,\n"
	"                        the end of the process does, too; -o is a folder or a template:\n"
	"                        %p pid, %t time, %n number, %r reason, %c command\n"
	"      --on CONDITION    dump when it holds: 'runnable>100ms', 'blocked>1s',\n"
	"                        'blocked(sync)>1s', 'running>50ms', 'syscall>1s', 'stw>5ms',\n"
	"                        'gc-assist>5ms', 'goroutines>5000', call:FUNCTION; repeatable\n"
	"      --after TIME      record this long past a trigger, then write\n"
	"      --last TIME       write no more than this much\n"
	"      --min-interval TIME  between the begins of two dumps (conditions: 1s)\n"
	"      --max-dumps N, --max-disk SIZE  keep the newest dumps of this run only\n"
	"      --dump-on-exit    a dump also at Ctrl-C and SIGTERM\n"
	"      --comm NAME, --exe PATH  the process by name, and its successor after it\n"
	"       gotrace-bpf ctl PID dump [--last TIME] [-o FILE] | status [--json] | stop\n"
	"\n"
	"Exit status: 0 fine, 1 failed, 2 usage, 3 finished but events were lost.\n"
	"Needs Linux 6.6, and root or CAP_BPF, CAP_PERFMON and, for processes of other users,\n"
	"CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.\n";

enum { OPT_FORMAT = 256, OPT_CAPTURE, OPT_SYSCALLS, OPT_PLAN, OPT_RING, OPT_TRACED,
       OPT_MAX_OVERHEAD, OPT_MAX_RATE };

static const double DEFAULT_SHARE = 0.03;

static const struct option long_options[] = {
	{ "pid", required_argument, NULL, 'p' },
	{ "duration", required_argument, NULL, 'd' },
	{ "output", required_argument, NULL, 'o' },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "capture", required_argument, NULL, OPT_CAPTURE },
	{ "syscalls", required_argument, NULL, OPT_SYSCALLS },
	{ "plan", required_argument, NULL, OPT_PLAN },
	{ "max-overhead", required_argument, NULL, OPT_MAX_OVERHEAD },
	{ "max-rate", required_argument, NULL, OPT_MAX_RATE },
	{ "ring", required_argument, NULL, OPT_RING },
	{ "traced", no_argument, NULL, OPT_TRACED },
	{ "quiet", no_argument, NULL, 'q' },
	{ "verbose", no_argument, NULL, 'v' },
	FLIGHT_LONG_OPTIONS,
	{ NULL, 0, NULL, 0 },
};

int options_format(const char *text, unsigned *ret, struct diag *d)
{
	static const struct {
		const char *text;
		unsigned v;
	} formats[] = { { "auto", 0 }, { "1.22", 22 }, { "1.23", 23 }, { "1.25", 25 },
			{ "1.26", 26 } };

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (strcmp(text, formats[i].text) == 0) {
			*ret = formats[i].v;
			return 0;
		}
	}
	return diag_set(d, -EINVAL,
			"--format '%s': there is no such trace format; use auto, 1.22, 1.23, 1.25 or "
			"1.26",
			text);
}

/* The place of text among names; -EINVAL with a sentence that lists them. */
static int options_choice(const char *opt, const char *text, const char *const *names, size_t cnt,
			  uint8_t *ret, struct diag *d)
{
	char all[96] = "";

	for (size_t i = 0; i < cnt; i++) {
		size_t at = strlen(all);

		if (strcmp(text, names[i]) == 0) {
			*ret = (uint8_t)i;
			return 0;
		}
		snprintf(all + at, sizeof(all) - at, "%s%s", i ? ", " : "", names[i]);
	}
	return diag_set(d, -EINVAL, "%s '%s': use one of %s", opt, text, all);
}

static int options_syscalls(const char *text, uint8_t *ret, struct diag *d)
{
	static const char *const names[] = {
		[SYSCALLS_AUTO] = "auto",
		[SYSCALLS_UPROBE] = "uprobe",
		[SYSCALLS_TRACEPOINT] = "tracepoint",
		[SYSCALLS_OFF] = "off",
	};

	return options_choice("--syscalls", text, names, ARRAY_LEN(names), ret, d);
}

static int options_plan(const char *text, struct options *o, struct diag *d)
{
	enum { AUTO = REC_PLAN_LEAN + 1 };

	static const char *const names[] = {
		[REC_PLAN_FULL] = "full",
		[REC_PLAN_STOP] = "stop",
		[REC_PLAN_LEAN] = "lean",
		[AUTO] = "auto",
	};
	uint8_t plan;
	int err = options_choice("--plan", text, names, ARRAY_LEN(names), &plan, d);

	if (err < 0)
		return err;
	o->plan_auto = plan == AUTO;
	o->plan = o->plan_auto ? REC_PLAN_FULL : plan;
	return 0;
}

/* "5", "5%", "0.5%" or "off". */
static int options_overhead(const char *text, struct options *o, struct diag *d)
{
	char *end;
	double v;

	o->overhead_given = true;
	o->budget.max_share = 0;
	if (strcmp(text, "off") == 0)
		return 0;
	if (text[strspn(text, "0123456789.%")])
		return diag_set(d, -EINVAL,
				"--max-overhead '%s': use a part of the process's own CPU time, as "
				"5%%, or off",
				text);
	v = strtod(text, &end);
	if (end == text || (strcmp(end, "") != 0 && strcmp(end, "%") != 0))
		return diag_set(d, -EINVAL, "--max-overhead '%s': this is no number; use 5%% or off",
				text);
	if (v < 0.1 || v > 1000)
		return diag_set(d, -ERANGE,
				"--max-overhead %s: use 0.1%% to 1000%%, or off for no bound", text);
	o->budget.max_share = v / 100;
	return 0;
}

int options_pid(const char *text, int *ret, struct diag *d)
{
	uint64_t v;
	struct diag why = { 0 };

	if (parse_u64(text, "pid", 1, 1 << 22, &v, &why) < 0)
		return diag_set(d, -EINVAL, "%s; give the number of a process, as ps shows it",
				why.text);
	*ret = (int)v;
	return 0;
}

static int take_option(int c, struct options *o, struct diag *d)
{
	uint64_t n = 0;
	int err;

	switch (c) {
	case 'p':
		return options_pid(optarg, &o->pid, d);
	case 'd':
		return parse_duration(optarg, &o->duration_ns, d);
	case 'o':
		if (!*optarg)
			return diag_set(d, -EINVAL, "-o: the file name is empty");
		o->out = optarg;
		return 0;
	case OPT_FORMAT:
		return options_format(optarg, &o->format, d);
	case OPT_CAPTURE:
		o->capture = optarg;
		return 0;
	case OPT_SYSCALLS:
		return options_syscalls(optarg, &o->syscalls, d);
	case OPT_PLAN:
		return options_plan(optarg, o, d);
	case OPT_MAX_OVERHEAD:
		return options_overhead(optarg, o, d);
	case OPT_MAX_RATE:
		return parse_u64(optarg, "--max-rate", 100, 1000000000, &o->budget.max_rate, d);
	case OPT_RING:
		err = parse_size(optarg, &n, d);
		if (err < 0)
			return err;
		if (n < 256 * 1024 || n > (1ULL << 34))
			return diag_set(d, -EINVAL, "--ring %s: use 256k to 16g", optarg);
		o->ring_bytes = n;
		return 0;
	case OPT_TRACED:
		o->allow_traced = true;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	default:
		return flightopts_take(&o->flight, c, optarg, d);
	}
}

static int check_together(const struct options *o, struct diag *d)
{
	const struct flight_opts *f = &o->flight;

	if (o->pid && (f->comm || f->exe))
		return diag_set(d, -EINVAL, "-p and %s: name the process one way only",
				f->comm ? "--comm" : "--exe");
	if (!o->pid && !f->comm && !f->exe)
		return diag_set(d, -EINVAL, "no process named; give -p PID (see --help)");
	if (f->on && o->capture)
		return diag_set(d, -EINVAL,
				"--capture keeps everything, -F the newest: use one of them");
	if (o->plan_auto && o->overhead_given && !budget_asked_any(&o->budget))
		return diag_set(d, -EINVAL,
				"--plan auto goes by a budget and --max-overhead off has none: use "
				"--plan full");
	for (size_t i = 0; i < f->cond_cnt; i++) {
		const struct cond *c = &f->conds[i];

		if (!cond_shown(c->kind, o->plan))
			return diag_set(d, -EINVAL, "--on '%s': --plan %s does not show that; leave it out",
					c->text, o->plan == REC_PLAN_STOP ? "stop" : "lean");
		if (c->kind == COND_SYSCALL && o->syscalls == SYSCALLS_OFF)
			return diag_set(d, -EINVAL, "--on '%s': --syscalls off does not show that; leave it out",
					c->text);
	}
	return flightopts_check(f, d);
}

int options_record(int argc, char **argv, struct options *ret, struct diag *d)
{
	struct options o = { 0 };
	int c, err;

	optind = 0; /* also what getopt kept of another line */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":p:d:o:F:qv", long_options, NULL)) != -1) {
		if (c == '?')
			return diag_set(d, -EINVAL, "unknown option '%s'; see --help",
					argv[optind - 1]);
		if (c == ':')
			return diag_set(d, -EINVAL, "option '%s' needs a value; see --help",
					argv[optind - 1]);
		err = take_option(c, &o, d);
		if (err < 0)
			return err;
	}
	if (optind < argc)
		return diag_set(d, -EINVAL, "unknown word '%s'; see --help", argv[optind]);
	err = check_together(&o, d);
	if (err < 0)
		return err;
	if (!o.overhead_given && (o.flight.on || o.plan_auto))
		o.budget.max_share = DEFAULT_SHARE;
	*ret = o;
	return 0;
}
