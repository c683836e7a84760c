#include "cmd/tracefile.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"

struct gotrace *tracefile_open(const char *name)
{
	struct gotrace_error e;
	struct gotrace *t = NULL;
	int err;

	if (strcmp(name, "-"))
		err = gotrace_open_path(name, GOTRACE_AHEAD, &t, &e);
	else
		err = gotrace_open_fd(STDIN_FILENO, GOTRACE_AHEAD, &t, &e);
	if (err)
		tracefile_complain(name, e.offset, e.text);
	return err ? NULL : t;
}

void tracefile_complain(const char *name, uint64_t off, const char *text)
{
	if (off != DIAG_NO_OFF)
		log_error("%s: offset %llu: %s", name, (unsigned long long)off, text);
	else
		log_error("%s: %s", name, text);
}

int tracefile_moment(const char *s, int64_t *ret_ns, struct diag *d)
{
	uint64_t ns = 0;
	int err = 0;

	if (strcmp(s, "0") && strcmp(s, "0s"))
		err = parse_duration(s, &ns, d);
	if (!err && ns > INT64_MAX / 2)
		err = diag_set(d, -ERANGE, "'%s': too long", s);
	if (!err)
		*ret_ns = (int64_t)ns;
	return err;
}
