/*
 * fixture.h - Go binaries for the image tests, built at test time and kept in
 * .output/fixtures-image. Tests run in the project's folder.
 */
#ifndef TEST_IMAGE_FIXTURE_H
#define TEST_IMAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "image/image.h"

#define FIXTURE_DIR ".output/fixtures-image"
#define FIXTURE_OLD "1.22.12"
#define FIXTURE_NEW "1.27.4"

static const char *const fixture_versions[] = {"1.22.12", "1.23.12", "1.24.13",
					       "1.25.14", "1.26.11", "1.27.4"};

/* How a kind is built: environment, flags of go build. */
static const struct fixture_kind {
	const char *name, *env, *flags;
} fixture_kinds[] = {
	{"default", "CGO_ENABLED=0", ""},
	{"stripped", "CGO_ENABLED=0", "-ldflags='-s -w'"},
	{"pie", "CGO_ENABLED=0", "-buildmode=pie"},
	{"external", "CGO_ENABLED=1", "-buildmode=pie -ldflags='-linkmode=external -s -w'"},
	{"debug", "CGO_ENABLED=0", "-gcflags='all=-N -l'"},
	{"arm64", "CGO_ENABLED=0 GOARCH=arm64", ""},
};

static inline int sh(const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

/*
 * The path of the fixture, built if it is not there yet; the test is skipped, with the reason,
 * where go or the toolchain cannot be had. "strip" is the default build without its symbols and
 * section of debug data: the same addresses.
 */
static inline const char *fixture(const char *version, const char *kind, char path[static 128])
{
	char def[128];

	snprintf(path, 128, FIXTURE_DIR "/%s-%s", kind, version);
	if (!access(path, R_OK))
		return path;
	if (sh("mkdir -p " FIXTURE_DIR) || sh("command -v go >/dev/null 2>&1")) {
		print_message("SKIP: no go command to build %s\n", path);
		skip();
	}
	if (!strcmp(kind, "strip")) {
		fixture(version, "default", def);
		assert_int_equal(sh("strip -s -o %s.%d %s && mv %s.%d %s", path, getpid(), def,
				    path, getpid(), path),
				 0);
		return path;
	}
	for (size_t i = 0; i < ARRAY_LEN(fixture_kinds); i++) {
		const struct fixture_kind *k = &fixture_kinds[i];

		if (strcmp(k->name, kind))
			continue;
		if (sh("out=$PWD/%s; cd tests/unit/image/fixture && env GOFLAGS= GOWORK=off "
		       "GOTOOLCHAIN=go%s %s go build %s -o $out.%d main.go $(test %d -ge 23 && "
		       "echo "
		       "coro.go || echo nocoro.go) && mv $out.%d $out",
		       path, version, k->env, k->flags, getpid(), atoi(version + 2), getpid())) {
			print_message("SKIP: cannot build %s (see above)\n", path);
			skip();
		}
		return path;
	}
	fail_msg("no kind %s", kind);
	return NULL;
}

static inline struct image *fixture_open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct image *img = NULL;
	struct diag d = {0};

	assert_true(fd >= 0);
	if (image_open(fd, path, &img, &d))
		fail_msg("%s", d.text);
	close(fd);
	return img;
}

static inline struct image *fixture_open(const char *version, const char *kind)
{
	char path[128];

	return fixture_open_path(fixture(version, kind, path));
}

/* A file's bytes; freed by the caller. */
static inline uint8_t *fixture_read(const char *path, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *p;

	assert_true(fd >= 0 && !fstat(fd, &st));
	p = malloc((size_t)st.st_size);
	assert_non_null(p);
	assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
	close(fd);
	*ret_len = (size_t)st.st_size;
	return p;
}

/* A descriptor of a file that exists in memory only. */
static inline int fixture_memfd(const uint8_t *p, size_t len)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, len), (ssize_t)len);
	return fd;
}

/* The addresses of symbols by nm; 0 where there is none. */
static inline void fixture_symbols(const char *path, const char *const *names, size_t cnt,
				   uint64_t *ret_va)
{
	char cmd[512], line[4096];
	FILE *f;

	memset(ret_va, 0, cnt * sizeof(*ret_va));
	snprintf(cmd, sizeof(cmd), "nm %s", path);
	f = popen(cmd, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *sp = strrchr(line, ' ');

		line[strcspn(line, "\n")] = 0;
		for (size_t i = 0; sp && i < cnt; i++)
			if (!strcmp(sp + 1, names[i]))
				ret_va[i] = strtoull(line, NULL, 16);
	}
	pclose(f);
}

#endif
