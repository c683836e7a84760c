/* main.c - which sub-command. */
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
} commands[] = {
	{ "check", cmd_check },
	{ "export", cmd_export },
	{ "ctl", cmd_ctl },
	{ "replay", cmd_replay },
	{ "report", cmd_report },
	{ "validate", cmd_validate },
};

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs(options_help, stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
		fputs(options_help, stdout);
		return EXIT_FINE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("gotrace-bpf " GOTRACE_VERSION);
		return EXIT_FINE;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].fn(argc - 1, argv + 1);
	return cmd_record(argc, argv);
}
