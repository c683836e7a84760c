#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/container.h"
#include "proc/target.h"

enum { THREADS = 5 };

static void nspid_lines(void **state)
{
	pid_t v = 7;

	(void)state;
	assert_int_equal(container_parse_nspid("Pid:\t9\nNSpid:\t4711\t12\t3\nNSpgid:\t8\n", &v),
			 0);
	assert_int_equal(v, 3);
	assert_int_equal(container_parse_nspid("NSpid:\t4711\n", &v), 0);
	assert_int_equal(v, 4711);
	v = 7;
	assert_int_equal(container_parse_nspid("Pid:\t1\n", &v), -EBADMSG);
	assert_int_equal(container_parse_nspid("NSpid:\t\nX:\t5\n", &v), -EBADMSG);
	assert_int_equal(container_parse_nspid("NSpid:\t5\tx\n", &v), -EBADMSG);
	assert_int_equal(container_parse_nspid("NSpid:\t-5\n", &v), -EBADMSG);
	assert_int_equal(container_parse_nspid("NSpid:\t99999999999\n", &v), -EBADMSG);
	assert_int_equal(v, 7);
}

static void *wait_for_end(void *arg)
{
	int *fds = arg;
	char c;
	pid_t tid = (pid_t)syscall(SYS_gettid);

	if (write(fds[1], &tid, sizeof(tid)) != sizeof(tid))
		return NULL;
	(void)!read(fds[2], &c, 1);
	return NULL;
}

/* Starts THREADS threads that tell their ids through the pipe, then waits for its end. */
static void run_threads(int report, int until)
{
	int fds[3] = { -1, report, until };
	pthread_t th;

	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&th, NULL, wait_for_end, fds);
	pause();
}

static void check_threads(bool own_namespace)
{
	int report[2], until[2], who[2], status;
	pid_t pid, tids[THREADS], helper;
	char path[64];
	struct map m = { 0 };
	struct target t;
	struct diag d;

	assert_int_equal(pipe(report), 0);
	assert_int_equal(pipe(until), 0);
	assert_int_equal(pipe(who), 0);
	helper = fork();
	if (helper == 0) {
		/* The child of an unshare is process 1 of the new namespace. */
		if (own_namespace && unshare(CLONE_NEWPID))
			_exit(1);
		pid = fork();
		if (pid == 0) {
			run_threads(report[1], until[0]);
			_exit(0);
		}
		(void)!write(who[1], &pid, sizeof(pid));
		waitpid(pid, &status, 0);
		_exit(0);
	}
	assert_int_equal(read(who[0], &pid, sizeof(pid)), sizeof(pid));
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(read(report[0], &tids[i], sizeof(tids[i])), sizeof(tids[i]));
	assert_int_equal(target_open(pid, &t, &d), 0);
	assert_int_equal(t.same_pidns, !own_namespace);
	assert_int_equal(t.ns_pid, own_namespace ? 1 : pid);
	assert_int_equal(container_tids(&t, &m, &d), 0);
	assert_int_equal(m.cnt, THREADS + 1);
	assert_int_equal(map_get(&m, (uint64_t)t.ns_pid, 0), pid);
	for (unsigned i = 0; i < THREADS; i++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d", pid,
			 (int)map_get(&m, (uint64_t)tids[i], 0));
		assert_int_equal(access(path, F_OK), 0);
	}
	kill(pid, SIGKILL);
	waitpid(helper, NULL, 0);
	assert_int_equal(container_tids(&t, &m, &d), -ESRCH);
	assert_int_equal(m.cnt, 0);
	map_done(&m);
	target_done(&t);
	for (unsigned i = 0; i < 2; i++) {
		close(report[i]);
		close(until[i]);
		close(who[i]);
	}
}

static void same_namespace(void **state)
{
	(void)state;
	check_threads(false);
}

static void other_namespace(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip();
	check_threads(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nspid_lines),
		cmocka_unit_test(same_namespace),
		cmocka_unit_test(other_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
