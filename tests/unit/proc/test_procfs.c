#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proc/procfs.h"

static void stat_with_a_hostile_name(void **state)
{
	struct procfs_stat s;

	(void)state;
	/* comm holds what looks like the end of comm and a state. */
	assert_int_equal(
		procfs_parse_stat("7 (a) Z (b\n) R 1 7 7 0 -1 4194560 5 6 7 8 100 20 0 0 20 0 1 "
				  "0 4242 9 9 18446744073709551615 4096 8192 140737 0",
				  &s),
		0);
	assert_string_equal(s.comm, "a) Z (b\n");
	assert_int_equal(s.state, 'R');
	assert_int_equal(s.flags, 4194560);
	assert_int_equal(s.utime, 100);
	assert_int_equal(s.stime, 20);
	assert_int_equal(s.starttime, 4242);
	assert_int_equal(s.startcode, 4096);
	assert_int_equal(s.endcode, 8192);
	assert_int_equal(s.startstack, 140737);
	assert_int_equal(s.exit_code, 0);
}

static void stat_damaged(void **state)
{
	static const char *const bad[] = { "", "7", "7 (", "7 )(", "7 (x)", "7 (x) ", "7 x R 1" };
	struct procfs_stat s = { .starttime = 77 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(procfs_parse_stat(bad[i], &s), -EBADMSG);
	assert_int_equal(s.starttime, 77);
	assert_int_equal(procfs_parse_stat("7 (x) S 1 z", &s), 0); /* short: zeroes */
	assert_int_equal(s.starttime, 0);
}

static void fields(void **state)
{
	static const char text[] = "Name:\tTgid:\t3\nTgid:\t 42\nUid:\t7\t8\n";

	(void)state;
	assert_int_equal(procfs_number(procfs_field(text, "Tgid:"), -1), 42);
	assert_int_equal(procfs_number(procfs_field(text, "Uid:"), -1), 7);
	assert_null(procfs_field(text, "gid:"));
	assert_int_equal(procfs_number(NULL, -5), -5);
	assert_int_equal(procfs_number("x", -5), -5);
	assert_int_equal(procfs_number("99999999999999999999", -5), -5);
}

static void reading(void **state)
{
	char all[4096], cut[8];
	ssize_t n = procfs_read(AT_FDCWD, "/proc/self/stat", all, sizeof(all));
	struct procfs_stat s;

	(void)state;
	assert_true(n > 50);
	assert_int_equal(strlen(all), n);
	assert_int_equal(procfs_parse_stat(all, &s), 0);
	assert_true(s.startcode <= (uint64_t)(uintptr_t)reading);
	assert_true(s.endcode > (uint64_t)(uintptr_t)reading);
	assert_int_equal(procfs_read(AT_FDCWD, "/proc/self/stat", cut, sizeof(cut)), 7);
	assert_memory_equal(cut, all, 2);
	assert_int_equal(cut[7], 0);
	assert_int_equal(procfs_read(AT_FDCWD, "/proc/self/nothing", all, sizeof(all)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_with_a_hostile_name),
		cmocka_unit_test(stat_damaged),
		cmocka_unit_test(fields),
		cmocka_unit_test(reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
