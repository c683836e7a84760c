/* main.c - which sub-command. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cmd/check.h"
#include "cmd/export.h"
#include "cmd/ctlcmd.h"
#include "cmd/options.h"
#include "cmd/record.h"
#include "cmd/replay.h"
#include "cmd/report.h"
#include "cmd/validate.h"

static const struct {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *usage; /* NULL: it tells its own */
} commands[] = {
	{ "check", cmd_check, CHECK_USAGE },
	{ "export", cmd_export, NULL },
	{ "ctl", cmd_ctl, CTL_USAGE },
	{ "replay", cmd_replay, REPLAY_USAGE },
	{ "report", cmd_report, NULL },
	{ "validate", cmd_validate, NULL },
};

static bool is_help(const char *arg)
{
	return strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0;
}

static int command(size_t i, int argc, char **argv)
{
	if (commands[i].usage && argc > 1 && is_help(argv[1])) {
		puts(commands[i].usage);
		return EXIT_FINE;
	}
	return commands[i].fn(argc, argv);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs(options_help, stderr);
		return EXIT_USAGE;
	}
	if (is_help(argv[1])) {
		fputs(options_help, stdout);
		return EXIT_FINE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("gotrace-bpf " GOTRACE_VERSION);
		return EXIT_FINE;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return command(i, argc - 1, argv + 1);
	return cmd_record(argc, argv);
}
