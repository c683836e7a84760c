/*
 * golden.h - text against a file of tests/golden/report. GOLDEN_WRITE=1 writes it anew; the diff is
 * then to be read.
 */
#ifndef TEST_REPORT_GOLDEN_H
#define TEST_REPORT_GOLDEN_H

#include "scene.h"

#include <stdio.h>

static inline void golden(const char *name, struct buf *got)
{
	char path[256], *want;
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "tests/golden/report/%s", name);
	f = fopen(path, getenv("GOLDEN_WRITE") ? "w+" : "r");
	if (!f) { /* run from elsewhere: from this source file */
		const char *at = strstr(__FILE__, "tests/unit/");

		assert_non_null(at);
		snprintf(path, sizeof(path), "%.*stests/golden/report/%s", (int)(at - __FILE__),
			 __FILE__, name);
		f = fopen(path, getenv("GOLDEN_WRITE") ? "w+" : "r");
	}
	if (!f)
		fail_msg("cannot open %s", path);
	if (getenv("GOLDEN_WRITE"))
		fwrite(got->p, 1, got->len, f);
	rewind(f);
	want = malloc(got->len + 100000);
	assert_non_null(want);
	len = fread(want, 1, got->len + 99999, f);
	fclose(f);
	want[len] = 0;
	buf_u8(got, 0);
	assert_string_equal((const char *)got->p, want);
	free(want);
}

#endif
