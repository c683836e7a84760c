#include "wire.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trace/ordercheck.h"

static void counts(void **state)
{
	struct trace_counts c;
	struct buf w = { 0 };
	struct diag d;
	int fd = memfd_create("test", 0);

	(void)state;
	wire_one(&w, RUNNING
		 "GoCreate dt=1 new_g=2 new_stack=0 stack=0\nHeapAlloc dt=10 heapalloc_value=1");
	wire_sync(&w, 22, 2);
	wire_batch(&w, 2, 7, 200, RUNNING "GoStatus dt=1 g=2 m=1 gstatus=1");
	assert_int_equal(order_check_mem(w.p, w.len, &c, &d), 0);
	assert_int_equal(c.version, 22);
	assert_int_equal(c.events, 7);
	assert_int_equal(c.types[EV_GO_STATUS], 3);
	assert_int_equal(c.generations, 2);
	assert_int_equal(c.goroutines, 2);
	assert_int_equal(c.procs, 1);
	assert_int_equal(c.bytes, w.len);
	assert_int_equal(c.first_ns, 101);
	assert_int_equal(c.last_ns, 203);
	assert_int_equal(write(fd, w.p, w.len), (ssize_t)w.len);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(order_check_fd(fd, &c, &d), 0);
	assert_int_equal(c.events, 7);
	close(fd);
	assert_int_equal(order_check_path("/does/not/exist", &c, &d), -ENOENT);
	buf_done(&w);
}

/* What the newest readers let pass and older ones do not. */
static void strict(void **state)
{
	struct trace_counts c;
	struct buf w = { 0 };
	struct diag d;

	(void)state;
	wire_one(&w, RUNNING "GoStatusStack dt=1 g=2 m=1 gstatus=4 stack=0");
	assert_int_equal(order_check_mem(w.p, w.len, &c, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "GoStatusStack: there is no such event in format 1.22"));
	assert_int_equal(c.events, 2);
	buf_done(&w);
}

static void bad(void **state)
{
	struct trace_counts c;
	struct diag d;

	(void)state;
	assert_int_equal(order_check_mem(NULL, 0, &c, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "empty"));
	assert_int_equal(c.events, 0);
	assert_int_equal(order_check_mem("go 1.22 trace\0\0\0", 16, &c, &d), -EBADMSG);
	assert_non_null(strstr(d.text, "truncated"));
	assert_int_equal(order_check_mem("\x1f\x8b\x08zzzzzzzzzzzzzzzzz", 20, &c, NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(counts), cmocka_unit_test(strict),
					    cmocka_unit_test(bad) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
