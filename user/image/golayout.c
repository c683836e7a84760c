#include "image/golayout.h"

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
