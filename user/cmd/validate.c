#include "cmd/validate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "cmd/options.h"
#include "trace/ordercheck.h"

static const char usage[] =
	"usage: gotrace-bpf validate [-q] FILE...\n"
	"Reads Go execution traces (format of Go 1.22 and newer, also gzip; - is stdin) by the "
	"rules\n"
	"that every reader enforces, names the first broken one, and counts what is in them.\n"
	"  -q, --quiet  only the exit status and the errors\n"
	"  -h, --help   this text\n"
	"Exit status: 0 all are lawful, 1 not, 2 wrong usage.\n";

static void validate_print(const char *name, const struct trace_counts *c)
{
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX];

	printf("%s: lawful Go 1.%u trace\n", name, c->version);
	printf("  %-22s %s\n", "events", parse_fmt_count(c->events, a));
	printf("  %-22s %s\n", "generations", parse_fmt_count(c->generations, a));
	printf("  %-22s %s\n", "goroutines", parse_fmt_count(c->goroutines, a));
	printf("  %-22s %s\n", "Ps", parse_fmt_count(c->procs, a));
	printf("  %-22s %s (largest generation %s)\n", "bytes", parse_fmt_bytes(c->bytes, a),
	       parse_fmt_bytes(c->gen_bytes_max, b));
	printf("  %-22s %s\n", "time span", parse_fmt_ns((uint64_t)(c->last_ns - c->first_ns), a));
	printf("events by type\n");
	for (unsigned i = 0; i < EV_TABLE_LEN; i++)
		if (c->types[i])
			printf("  %-22s %s\n", evspec_get(i)->name,
			       parse_fmt_count(c->types[i], a));
}

/* 0 or 1, the exit status. */
static int validate_file(const char *name, bool quiet)
{
	struct trace_counts c = { 0 };
	struct diag d = { .off = DIAG_NO_OFF };
	char text[PARSE_TEXT_MAX];
	int err;

	if (strcmp(name, "-"))
		err = order_check_path(name, &c, &d);
	else
		err = order_check_fd(STDIN_FILENO, &c, &d);
	if (!err && !c.generations)
		err = diag_set_at(&d, c.bytes, -EBADMSG, "the trace holds no generation");
	if (err < 0 && d.off != DIAG_NO_OFF)
		log_error("%s: offset %llu: %s", name, (unsigned long long)d.off, d.text);
	else if (err < 0)
		log_error("%s: %s", name, d.text);
	if (err < 0 && c.events)
		log_info("%s: %s events in %llu generations could be read before that", name,
			 parse_fmt_count(c.events, text), (unsigned long long)c.generations);
	if (!err && !quiet)
		validate_print(name, &c);
	return err < 0;
}

static int validate_usage(const char *why, const char *arg)
{
	log_error("validate: %s%s; see gotrace-bpf validate --help", why, arg);
	return EXIT_USAGE;
}

int cmd_validate(int argc, char **argv)
{
	bool quiet = false, words = false;
	int files = 0, failed = 0;

	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (words || a[0] != '-' || !a[1]) {
			argv[++files] = argv[i];
		} else if (!strcmp(a, "--")) {
			words = true;
		} else if (!strcmp(a, "-q") || !strcmp(a, "--quiet")) {
			quiet = true;
		} else if (!strcmp(a, "-h") || !strcmp(a, "--help")) {
			fputs(usage, stdout);
			return EXIT_FINE;
		} else {
			return validate_usage("unknown option ", a);
		}
	}
	if (!files)
		return validate_usage("no file is named", "");
	for (int i = 1; i <= files; i++)
		failed |= validate_file(argv[i], quiet);
	if (fflush(stdout) || ferror(stdout)) {
		log_error("stdout: cannot write: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return failed ? EXIT_FAILED : EXIT_FINE;
}
