#include "cmd/naming.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

const char naming_default[] = "%c-%p-%t-%n-%r.trace";

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int naming_parse(const char *text, struct naming *ret, struct diag *d)
{
	struct naming n = { .dir = "." };
	const char *slash, *base;
	size_t len;

	if (!text)
		text = naming_default;
	if (!*text)
		return diag_set(d, -EINVAL, "-o: the file name is empty");
	if (strcmp(text, "-") == 0)
		return diag_set(
			d, -EINVAL,
			"-o -: a flight recorder writes files; name a folder or a template");
	slash = strrchr(text, '/');
	if (is_dir(text)) {
		slash = text + strlen(text);
		base = naming_default;
	} else {
		base = slash ? slash + 1 : text;
		if (!*base)
			base = naming_default;
	}
	len = slash ? (size_t)(slash - text) : 0;
	if (len >= sizeof(n.dir) || strlen(base) >= sizeof(n.base) - 16)
		return diag_set(d, -EINVAL, "-o '%s': the name is too long", text);
	if (slash) {
		snprintf(n.dir, sizeof(n.dir), "%.*s", (int)(len ? len : 1), len ? text : "/");
		if (strchr(n.dir, '%'))
			return diag_set(d, -EINVAL,
					"-o '%s': only the last part of the name may have a %%",
					text);
	}
	snprintf(n.base, sizeof(n.base), "%s", base);
	for (const char *p = strchr(n.base, '%'); p; p = strchr(p + 2, '%')) {
		if (!p[1] || !strchr("ptnrc%", p[1]))
			return diag_set(
				d, -EINVAL,
				"-o '%s': '%%%c' at character %zu means nothing; use %%p pid, "
				"%%t time, %%n number, %%r reason, %%c command, %%%%",
				text, p[1] ? p[1] : ' ',
				(size_t)(p - n.base) + 1 +
					(base == naming_default ? 0 : (size_t)(base - text)));
		n.unique |= p[1] == 'n' || p[1] == 't';
	}
	*ret = n;
	return 0;
}

static void time_text(uint64_t real_ns, char *ret, size_t cap)
{
	time_t sec = (time_t)(real_ns / 1000000000);
	struct tm tm = { 0 };
	char when[32];

	gmtime_r(&sec, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm);
	snprintf(ret, cap, "%s.%03uZ", when, (unsigned)(real_ns / 1000000 % 1000));
}

void naming_make(const struct naming *n, const struct naming_fields *f,
		 char ret[static NAMING_BASE])
{
	size_t at = 0;

	for (const char *p = n->base; *p && at < NAMING_BASE - 1; p++) {
		char text[64];

		if (*p != '%') {
			ret[at++] = *p;
			continue;
		}
		switch (*++p) {
		case 'p':
			snprintf(text, sizeof(text), "%d", f->pid);
			break;
		case 't':
			time_text(f->real_ns, text, sizeof(text));
			break;
		case 'n':
			snprintf(text, sizeof(text), "%" PRIu64, f->n);
			break;
		case 'r':
			snprintf(text, sizeof(text), "%s", f->reason);
			break;
		case 'c':
			snprintf(text, sizeof(text), "%s", f->command);
			break;
		default:
			snprintf(text, sizeof(text), "%%");
			break;
		}
		for (const char *t = text; *t && at < NAMING_BASE - 1; t++)
			ret[at++] = (unsigned char)*t <= ' ' || *t == '/' || *t == 0x7f ? '_' : *t;
	}
	ret[at] = '\0';
}
