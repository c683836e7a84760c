#include "image/golayout.h"

#include <string.h>

#include "base/num.h"
#include "image/image.h"

enum { NONE = GOLAYOUT_NONE };

static const struct golayout amd64_rows[] = {
#define GOLAYOUT_AMD64
#include "image/golayout.inc"
#undef GOLAYOUT_AMD64
};

static const struct golayout arm64_rows[] = {
#define GOLAYOUT_ARM64
#include "image/golayout.inc"
#undef GOLAYOUT_ARM64
};

static const struct golayout *rows_of(unsigned arch, size_t *ret_cnt)
{
	switch (arch) {
	case IMAGE_AMD64:
		*ret_cnt = ARRAY_LEN(amd64_rows);
		return amd64_rows;
	case IMAGE_ARM64:
		*ret_cnt = ARRAY_LEN(arm64_rows);
		return arm64_rows;
	default:
		*ret_cnt = 0;
		return NULL;
	}
}

const struct golayout *golayout_find(unsigned arch, unsigned minor, unsigned patch)
{
	size_t cnt;
	const struct golayout *rows = rows_of(arch, &cnt);

	for (size_t i = 0; i < cnt; i++)
		if (rows[i].minor == minor && patch >= rows[i].patch_first &&
		    patch <= rows[i].patch_last)
			return &rows[i];
	return NULL;
}

const struct golayout *golayout_newest(unsigned arch, unsigned minor)
{
	const struct golayout *best = NULL;
	size_t cnt;
	const struct golayout *rows = rows_of(arch, &cnt);

	for (size_t i = 0; i < cnt; i++)
		if (rows[i].minor == minor && (!best || rows[i].patch_last > best->patch_last))
			best = &rows[i];
	return best;
}

const struct golayout *golayout_candidate(unsigned arch, unsigned minor, unsigned patch)
{
	const struct golayout *l = golayout_find(arch, minor, patch), *newest;

	if (l)
		return l;
	newest = golayout_newest(arch, minor);
	return newest && patch > newest->patch_last ? newest : NULL;
}

/*
 * GOEXPERIMENT's names, Go 1.21 to 1.27 (internal/goexperiment/flags.go of each); a "no" before one
 * turns a default off. '!' marks what moves fields when it is not as usual: staticlockranking
 * schedt's behind the lock, spinbitmutex (1.24) m's, exectracer2 (1.22) p's, pagetrace p's.
 */
static const char *const experiments[] = {
	"fieldtrack", "preemptibleloops", "!staticlockranking", "boringcrypto", "regabiwrappers",
	"regabiargs", "heapminimum512kib", "coverageredesign", "arenas", "!pagetrace", "cgocheck2",
	"loopvar", "cacheprog", "newinliner", "rangefunc", "range", "allocheaders", "!exectracer2",
	"aliastypeparams", "swissmap", "!spinbitmutex", "synchashtriemap", "synctest", "dwarf5",
	"jsonv2", "greenteagc", "randomizedheapbase64", "runtimefreegc", "sizespecializedmalloc",
	"goroutineleakprofile", "simd", "runtimesecret", "mapsplitgroup",
};

static bool is_harmless(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(experiments); i++)
		if (strlen(experiments[i]) == len && memcmp(experiments[i], name, len) == 0)
			return true;
	return false;
}

bool golayout_experiment(const char *version, char ret_name[GOLAYOUT_EXPERIMENT])
{
	const char *at = strstr(version, " X:");

	if (!at)
		at = strstr(version, "-X:"); /* from 1.26 on */
	for (at = at ? at + 3 : ""; *at && *at != ' ';) {
		size_t len = strcspn(at, ", ");

		if (len && !is_harmless(at, len) &&
		    !(len > 2 && memcmp(at, "no", 2) == 0 && is_harmless(at + 2, len - 2))) {
			size_t n = len < GOLAYOUT_EXPERIMENT ? len : GOLAYOUT_EXPERIMENT - 1;

			memcpy(ret_name, at, n);
			ret_name[n] = '\0';
			return true;
		}
		at += len;
		at += *at == ',';
	}
	return false;
}
