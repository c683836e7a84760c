/* test_output.c - a file appears whole under its name, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/output.h"

static int setup(void **state)
{
	char *dir = strdup("/tmp/test-output-XXXXXX");

	if (!dir || !mkdtemp(dir))
		return -1;
	*state = dir;
	return 0;
}

static size_t files_in(const char *dir, bool rm)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' && (!e->d_name[1] || e->d_name[1] == '.'))
			continue;
		n++;
		if (rm)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
	return n;
}

static int teardown(void **state)
{
	files_in(*state, true);
	rmdir(*state);
	free(*state);
	return 0;
}

static const char *in_dir(const char *dir, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void test_whole_or_nothing(void **state)
{
	const char *path = in_dir(*state, "t.trace");
	struct output o;
	struct stat st;
	struct diag d;
	char text[8] = "";
	FILE *f;

	assert_int_equal(output_open(&o, path, &d), 0);
	assert_int_equal(output_write(&o, "abc", 3, &d), 0);
	assert_int_equal(stat(path, &st), -1); /* O1 */
	assert_int_equal(output_write(&o, "de", 2, &d), 0);
	assert_true(o.bytes == 5);
	assert_int_equal(output_commit(&o, &d), 0);
	output_done(&o);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 5);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, f), 5);
	fclose(f);
	assert_string_equal(text, "abcde");
	assert_int_equal(files_in(*state, false), 1);
}

static void test_given_up_leaves_nothing(void **state)
{
	struct output o;
	struct diag d;

	assert_int_equal(output_open(&o, in_dir(*state, "t.trace"), &d), 0);
	assert_int_equal(output_write(&o, "abc", 3, &d), 0);
	output_done(&o);
	assert_int_equal(files_in(*state, false), 0);
}

/* What was there stays until the new one is whole. */
static void test_old_file_stays(void **state)
{
	const char *path = in_dir(*state, "t.trace");
	struct output o;
	struct stat st;
	struct diag d;
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fputs("old text", f) >= 0, 1);
	fclose(f);
	assert_int_equal(output_open(&o, path, &d), 0);
	assert_int_equal(output_write(&o, "new", 3, &d), 0);
	output_done(&o);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 8);
	assert_int_equal(output_open(&o, path, &d), 0);
	assert_int_equal(output_write(&o, "new", 3, &d), 0);
	assert_int_equal(output_commit(&o, &d), 0);
	output_done(&o);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 3);
}

static void test_no_such_folder(void **state)
{
	struct output o;
	struct diag d;

	assert_true(output_open(&o, in_dir(*state, "none/t.trace"), &d) < 0);
	assert_non_null(strstr(d.text, "No such file"));
	output_done(&o);
	assert_int_equal(output_open(&o, *state, &d), -EINVAL); /* a folder */
	output_done(&o);
	assert_int_equal(output_open(&o, "/dev/null", &d), -EINVAL);
	output_done(&o);
}

static void test_stdout(void **state)
{
	int saved = dup(STDOUT_FILENO), fds[2];
	struct output o;
	struct diag d;
	char text[8] = "";
	int w, c;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	fflush(stdout);
	dup2(fds[1], STDOUT_FILENO);
	w = output_open(&o, "-", &d);
	if (!w)
		w = output_write(&o, "abc", 3, &d);
	c = output_commit(&o, &d);
	output_done(&o);
	dup2(saved, STDOUT_FILENO); /* still open: output_done left it alone */
	close(saved);
	close(fds[1]);
	assert_int_equal(w, 0);
	assert_int_equal(c, 0);
	assert_int_equal(read(fds[0], text, sizeof(text) - 1), 3);
	assert_string_equal(text, "abc");
	close(fds[0]);
}

/* A disk of 64 KB, if we may mount one. */
static void test_full_disk(void **state)
{
	static uint8_t block[200 * 1024];
	const char *dir = *state;
	struct output o;
	struct diag d;
	int err;

	if (mount("tmpfs", dir, "tmpfs", 0, "size=64k") < 0) {
		print_message("skipped: cannot mount a small disk\n");
		skip();
	}
	err = output_open(&o, in_dir(dir, "t.trace"), &d);
	if (!err)
		err = output_write(&o, block, sizeof(block), &d);
	output_done(&o);
	assert_int_equal(files_in(dir, false), 0);
	umount(dir);
	assert_int_equal(err, -ENOSPC);
	assert_non_null(strstr(d.text, "No space"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole_or_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_given_up_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_file_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_such_folder, setup, teardown),
		cmocka_unit_test(test_stdout),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
