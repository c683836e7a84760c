/* main.c - reads all events of a trace through libgotrace and says how many there were. */
#include <inttypes.h>
#include <stdio.h>

#include "include/gotrace.h"

int main(int argc, char **argv)
{
	struct gotrace_error err;
	struct gotrace_event ev;
	struct gotrace *t;
	uint64_t n = 0;
	int rc;

	if (argc != 2 || gotrace_open_path(argv[1], 0, &t, &err) < 0) {
		fprintf(stderr, "%s\n", argc == 2 ? err.text : "usage: decode TRACE");
		return 1;
	}
	while ((rc = gotrace_next(t, &ev)) > 0)
		n++;
	if (rc < 0)
		fprintf(stderr, "%s: %s\n", argv[1], gotrace_get_error(t)->text);
	gotrace_close(t);
	printf("%" PRIu64 "\n", n);
	return rc < 0;
}
