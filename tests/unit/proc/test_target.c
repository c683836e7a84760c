/*
 * The test program starts itself in several roles: "hold" says that it is there (a byte on fd 3),
 * waits for a byte on fd 4 and then does what the next argument names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proc/target.h"

enum { FD_READY = 103, FD_GO = 104 };

struct child {
	pid_t pid;
	int ready, go;
};

static void *exec_in_thread(void *arg)
{
	(void)arg;
	execl("/proc/self/exe", "self", "hold", "exit", (char *)NULL);
	_exit(9);
}

static int role_hold(const char *next)
{
	pthread_t th;
	char c = 'r';

	if (write(FD_READY, &c, 1) != 1 || read(FD_GO, &c, 1) != 1)
		return 8;
	if (strcmp(next, "exec") == 0)
		execl("/proc/self/exe", "self", "hold", "exit", (char *)NULL);
	if (strcmp(next, "thread-exec") == 0 && !pthread_create(&th, NULL, exec_in_thread, NULL))
		pause();
	return strcmp(next, "exit") == 0 ? 3 : 9;
}

/* exe: a path or NULL for this program; fd >= 0: execute that instead. */
static struct child child_start(const char *exe, int fd, const char *next, bool no_random)
{
	static char *const env[] = { NULL };
	char *const argv[] = { "self", "hold", (char *)(uintptr_t)next, NULL };
	int ready[2], go[2];
	struct child c;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	c.pid = fork();
	if (c.pid == 0) {
		dup2(ready[1], FD_READY);
		dup2(go[0], FD_GO);
		if (no_random)
			personality(ADDR_NO_RANDOMIZE);
		if (fd >= 0)
			fexecve(fd, argv, env);
		else
			execve(exe ? exe : "/proc/self/exe", argv, env);
		_exit(7);
	}
	close(ready[1]);
	close(go[0]);
	c.ready = ready[0];
	c.go = go[1];
	return c;
}

static void child_wait_ready(const struct child *c)
{
	char b;

	assert_int_equal(read(c->ready, &b, 1), 1);
}

static void child_go(const struct child *c)
{
	assert_int_equal(write(c->go, "g", 1), 1);
}

static void child_end(struct child *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->ready);
	close(c->go);
}

static void myself(void **state)
{
	struct target t;
	struct stat st;
	struct diag d;
	char c;

	(void)state;
	assert_int_equal(target_open(getpid(), &t, &d), 0);
	assert_int_equal(stat("/proc/self/exe", &st), 0);
	assert_int_equal(t.ino, st.st_ino);
	assert_int_equal(t.dev, st.st_dev);
	assert_int_equal(t.exe_bytes, st.st_size);
	assert_int_equal(t.uid, getuid());
	assert_int_equal(t.ns_pid, getpid());
	assert_true(t.same_pidns);
	assert_true(t.native);
	assert_int_equal(t.warns, 0);
	assert_int_equal(fcntl(t.exe_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(t.exe_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(fcntl(t.mem_fd, F_GETFL) & O_ACCMODE, O_RDONLY); /* T2 */
	assert_int_equal(pread(t.exe_fd, &c, 1, 0), 1);
	assert_string_equal(t.comm, "test_target");
	assert_int_equal(stat("/proc/self/ns/pid", &st), 0);
	assert_int_equal(t.pidns_ino, st.st_ino);
	assert_int_equal(t.pidns_dev, st.st_dev);
	assert_int_equal(target_check(&t), TARGET_RUNNING);
	assert_int_equal(target_wait(&t, 0), 0);
	target_done(&t);
	assert_int_equal(t.exe_fd, -1);
	target_done(&t);
}

static void not_a_process(void **state)
{
	struct target t = { .pid = 77 };
	struct diag d;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	assert_int_equal(target_open(pid, &t, &d), -ESRCH);
	assert_non_null(strstr(d.text, "zombie"));
	waitpid(pid, NULL, 0);
	assert_int_equal(target_open(pid, &t, &d), -ESRCH);
	assert_non_null(strstr(d.text, "no such process"));
	assert_int_equal(target_open(0, &t, &d), -EINVAL);
	assert_int_equal(target_open(-5, &t, &d), -EINVAL);
	assert_int_equal(t.pid, 77);
}

static void kernel_thread(void **state)
{
	struct target t;
	struct diag d;
	char comm[32] = "";
	int fd = open("/proc/2/comm", O_RDONLY);

	(void)state;
	if (fd < 0 || read(fd, comm, sizeof(comm) - 1) <= 0 || strcmp(comm, "kthreadd\n") != 0)
		skip(); /* a container shows none */
	close(fd);
	assert_int_equal(target_open(2, &t, &d), -ENOTSUP);
	assert_non_null(strstr(d.text, "kernel thread"));
}

static void *open_my_tid(void *arg)
{
	struct target t;
	struct diag *d = arg;
	char want[32];

	snprintf(want, sizeof(want), "use -p %d", getpid());
	if (target_open((pid_t)syscall(SYS_gettid), &t, d) != -EINVAL || !strstr(d->text, want))
		return NULL;
	return arg;
}

static void thread_id(void **state)
{
	struct diag d = { .text = "" };
	pthread_t th;
	void *ok;

	(void)state;
	assert_int_equal(pthread_create(&th, NULL, open_my_tid, &d), 0);
	pthread_join(th, &ok);
	if (!ok)
		fail_msg("%s", d.text);
}

static void denied(void **state)
{
	pid_t root = getpid(), pid;
	int status;

	(void)state;
	if (getuid() != 0)
		skip();
	pid = fork();
	if (pid == 0) {
		struct target t;
		struct diag d;

		if (setgid(65534) || setuid(65534))
			_exit(1);
		if (target_open(root, &t, &d) != -EACCES)
			_exit(2);
		_exit(strstr(d.text, "CAP_SYS_PTRACE") && strstr(d.text, "another user") ? 0 : 3);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void check_exec(const char *how, bool no_random)
{
	struct child c = child_start(NULL, -1, how, no_random);
	struct target t;
	struct diag d;

	child_wait_ready(&c);
	assert_int_equal(target_open(c.pid, &t, &d), 0);
	assert_int_equal(target_check(&t), TARGET_RUNNING);
	child_go(&c);
	child_wait_ready(&c);
	assert_int_equal(target_check(&t), TARGET_EXECED);
	assert_int_equal(target_wait(&t, 0), 0); /* the pidfd says nothing */
	child_end(&c);
	assert_int_equal(target_check(&t), TARGET_EXITED);
	target_done(&t);
}

/* The same inode, the same addresses: only the mm differs. */
static void exec_same_inode(void **state)
{
	(void)state;
	check_exec("exec", false);
	check_exec("exec", true);
	check_exec("thread-exec", true);
}

static void exit_status(void **state)
{
	struct child c = child_start(NULL, -1, "exit", false);
	struct target t;
	struct diag d;
	int status = 0, err;

	(void)state;
	child_wait_ready(&c);
	assert_int_equal(target_open(c.pid, &t, &d), 0);
	assert_int_equal(target_exit_status(&t, &status), -EAGAIN);
	child_go(&c);
	assert_int_equal(target_wait(&t, 10000), 1);
	assert_int_equal(target_check(&t), TARGET_EXITED);
	assert_int_equal(target_exit_status(&t, &status),
			 0); /* a zombie: its parent did not ask yet */
	assert_int_equal(WEXITSTATUS(status), 3);
	child_end(&c);
	status = 0;
	err = target_exit_status(&t, &status); /* reaped: 6.15 and later know */
	assert_true(err == 0 || err == -ENODATA);
	if (!err)
		assert_int_equal(WEXITSTATUS(status), 3);
	target_done(&t);
}

static void killed_status(void **state)
{
	struct child c = child_start(NULL, -1, "exit", false);
	struct target t;
	struct diag d;
	int status = 0;

	(void)state;
	child_wait_ready(&c);
	assert_int_equal(target_open(c.pid, &t, &d), 0);
	kill(c.pid, SIGKILL);
	assert_int_equal(target_wait(&t, 10000), 1);
	assert_int_equal(target_exit_status(&t, &status), 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	child_end(&c);
	target_done(&t);
}

static void copy_self(const char *to)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "cp /proc/%d/exe %s", getpid(), to);
	assert_int_equal(system(cmd), 0);
}

static void deleted_and_replaced(void **state)
{
	char dir[] = "/tmp/gotrace-test-XXXXXX", path[64];
	struct stat before;
	struct target t;
	struct child c;
	struct diag d;
	unsigned pos;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a-rather-long-name", dir);
	copy_self(path);
	assert_int_equal(stat(path, &before), 0);
	c = child_start(path, -1, "exit", false);
	child_wait_ready(&c);
	unlink(path);
	assert_int_equal(target_open(c.pid, &t, &d), 0);
	assert_int_equal(t.warns, TARGET_W_DELETED);
	assert_string_equal(t.exe, path);
	assert_int_equal(t.ino, before.st_ino);
	pos = 0;
	assert_true(target_warn_next(&t, &pos, &d));
	assert_non_null(strstr(d.text, "deleted"));
	assert_false(target_warn_next(&t, &pos, &d));
	target_done(&t);

	copy_self(path);
	assert_int_equal(target_open(c.pid, &t, &d), 0);
	assert_int_equal(t.warns, TARGET_W_REPLACED);
	assert_int_equal(t.exe_bytes, before.st_size);
	target_done(&t);
	child_end(&c);
	unlink(path);
	rmdir(dir);
}

static void from_memory(void **state)
{
	int fd = memfd_create("prog", 0), self = open("/proc/self/exe", O_RDONLY);
	static char buf[65536];
	struct target t;
	struct child c;
	struct diag d;
	ssize_t n;

	(void)state;
	while ((n = read(self, buf, sizeof(buf))) > 0)
		assert_int_equal(write(fd, buf, (size_t)n), n);
	c = child_start(NULL, fd, "exit", false);
	child_wait_ready(&c);
	assert_int_equal(target_open(c.pid, &t, &d), 0);
	assert_int_equal(t.warns, 0);
	assert_true(t.native);
	assert_int_equal(pread(t.exe_fd, buf, 4, 0), 4);
	assert_memory_equal(buf, "\177ELF", 4);
	target_done(&t);
	child_end(&c);
	close(fd);
	close(self);
}

static void cpu_time(void **state)
{
	uint64_t a = 0, b = 0;
	struct timespec ts;
	struct target t;
	struct diag d;

	(void)state;
	assert_int_equal(target_open(getpid(), &t, &d), 0);
	assert_int_equal(target_cpu_ns(&t, &a), 0);
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	while ((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec < a + 20000000);
	assert_int_equal(target_cpu_ns(&t, &b), 0);
	assert_in_range(b, a + 20000000, a + 2000000000);
	target_done(&t);
}

static void names(void **state)
{
	struct target t = { .pid = 42 };
	char name[TARGET_NAME];

	(void)state;
	strcpy(t.comm, "web-server.v2");
	target_file_stem(&t, 1700000000ULL * 1000000000, name);
	assert_string_equal(name, "web-server.v2-42-20231114T221320Z");
	strcpy(t.comm, "../e\033il\n");
	target_name(&t, name);
	assert_string_equal(name, "_._e_il_");
	strcpy(t.comm, "");
	target_name(&t, name);
	assert_string_equal(name, "_");
	strcpy(t.comm, "a-rather-long-n");
	strcpy(t.exe, "/opt/x/a-rather-long-name");
	target_name(&t, name);
	assert_string_equal(name, "a-rather-long-name");
	memset(t.exe, 'z', sizeof(t.exe) - 1);
	memcpy(t.exe, "/zzzzzzzzzzzzzzz", 16);
	strcpy(t.comm, "zzzzzzzzzzzzzzz");
	target_file_stem(&t, UINT64_MAX, name);
	assert_true(strlen(name) < TARGET_NAME && strstr(name, "-42-"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(myself),
		cmocka_unit_test(not_a_process),
		cmocka_unit_test(kernel_thread),
		cmocka_unit_test(thread_id),
		cmocka_unit_test(denied),
		cmocka_unit_test(exec_same_inode),
		cmocka_unit_test(exit_status),
		cmocka_unit_test(killed_status),
		cmocka_unit_test(deleted_and_replaced),
		cmocka_unit_test(from_memory),
		cmocka_unit_test(cpu_time),
		cmocka_unit_test(names),
	};

	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		return role_hold(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
