/*
 * replay.c - main of a fuzz target without a fuzzer: runs it over the files of the folders named.
 *
 * It prints what cmocka would print, so that tools/check.sh counts a file as a test.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int read_all(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;

	if (!f)
		return -1;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_bytes(b, part, n);
	fclose(f);
	return b->failed ? -1 : 0;
}

static void run_bytes(const char *name, const void *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1); /* a block of its own: a read past it is seen */

	if (!copy)
		abort();
	if (n)
		memcpy(copy, p, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	printf("[       OK ] %s\n", name);
	fflush(stdout);
}

static void run_folder(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		struct buf b = { 0 };
		struct stat st;
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		printf("[ RUN      ] %s\n", e->d_name);
		fflush(stdout);
		if (read_all(path, &b) < 0)
			abort();
		run_bytes(e->d_name, b.p, b.len);
		buf_done(&b);
	}
	if (d)
		closedir(d);
}

int main(int argc, char **argv)
{
	run_bytes("nothing", "", 0);
	for (int i = 1; i < argc; i++)
		run_folder(argv[i]);
	return 0;
}
