#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/shelf.h"

static int dirfd_;

static void put(struct shelf *s, const char *name, uint64_t bytes)
{
	struct shelf_file f = {.bytes = bytes};
	struct stat st;
	int fd = openat(dirfd_, name, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	close(fd);
	f.dev = st.st_dev;
	f.ino = st.st_ino;
	snprintf(f.name, sizeof(f.name), "%s", name);
	assert_int_equal(shelf_add(s, &f), 0);
}

static bool there(const char *name)
{
	return faccessat(dirfd_, name, F_OK, 0) == 0;
}

static void by_number(void **state)
{
	struct shelf s = {.max_files = 2, .dirfd = dirfd_};

	(void)state;
	put(&s, "a", 1);
	put(&s, "b", 1);
	assert_int_equal(shelf_room(&s, 1), 1);
	put(&s, "c", 1);
	assert_false(there("a"));
	assert_true(there("b") && there("c"));
	shelf_done(&s);
}

static void by_bytes(void **state)
{
	struct shelf s = {.max_bytes = 100, .dirfd = dirfd_};

	(void)state;
	put(&s, "d", 40);
	put(&s, "e", 40);
	assert_int_equal(shelf_room(&s, 20), 0);
	assert_int_equal(shelf_room(&s, 60), 1);
	assert_false(there("d"));
	assert_true(there("e"));
	shelf_done(&s);
}

/* A file that took the place of ours, or that ours was moved away from, is left alone. */
static void only_ours(void **state)
{
	struct shelf s = {.max_files = 1, .dirfd = dirfd_};
	struct shelf other = {.dirfd = dirfd_};

	(void)state;
	put(&s, "f", 1);
	assert_int_equal(renameat(dirfd_, "f", dirfd_, "kept"), 0);
	put(&other, "f", 1);
	assert_int_equal(shelf_room(&s, 1), 0);
	assert_true(there("f") && there("kept"));
	assert_int_equal(s.cnt, 0);
	/* One name again and again counts once. */
	put(&s, "g", 1);
	put(&s, "g", 1);
	assert_int_equal(s.cnt, 1);
	shelf_forget(&s, dirfd_);
	assert_int_equal(shelf_room(&s, 1), 0);
	assert_true(there("g"));
	shelf_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(by_number), cmocka_unit_test(by_bytes),
					   cmocka_unit_test(only_ours)};
	char dir[] = "/tmp/shelf-XXXXXX", cmd[64];
	int err;

	if (!mkdtemp(dir))
		return 1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
	err = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd) ? 1 : err;
}
