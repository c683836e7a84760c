/* test_log.c - levels hold back, control characters do not get through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

/* What was written to stderr since begin. */
static int begin(int *saved)
{
	FILE *f = tmpfile();
	int fd;

	assert_non_null(f);
	fd = dup(fileno(f));
	fclose(f);
	fflush(stderr);
	*saved = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	return fd;
}

static void end(int fd, int saved, char *text, size_t cap)
{
	ssize_t n;

	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fd, text, cap - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
}

static void test_levels(void **state)
{
	enum log_level old = log_get_level();
	char text[512];
	int saved, fd = begin(&saved);

	(void)state;
	log_set_level(LOG_WARN);
	log_error("one %d", 1);
	log_warn("two");
	log_info("three");
	log_debug("four");
	log_set_level(old);
	end(fd, saved, text, sizeof(text));
	assert_string_equal(text, "gotrace-bpf: one 1\ngotrace-bpf: warning: two\n");
}

static void test_control_characters(void **state)
{
	char text[512];
	int saved, fd = begin(&saved);

	(void)state;
	log_error("a\033[2Jb\177");
	end(fd, saved, text, sizeof(text));
	assert_string_equal(text, "gotrace-bpf: a?[2Jb?\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_control_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
