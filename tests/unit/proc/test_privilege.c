#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/privilege.h"
#include "proc/target.h"

static const struct privilege all = {
	.cap_bpf = true,
	.cap_perfmon = true,
	.cap_sys_ptrace = true,
	.init_userns = true,
	.bpf_ok = true,
	.perfmon_ok = true,
	.has_btf = true,
};

static void expect(const struct privilege *p, const struct target *t, int err, const char *word)
{
	struct diag d = { .text = "" };

	assert_int_equal(privilege_missing(p, t, &d), err);
	if (!strstr(d.text, word))
		fail_msg("\"%s\" is not in: %s", word, d.text);
}

static void first_missing(void **state)
{
	const struct target other = { .pid = 9, .uid = geteuid() + 1 },
			    own = { .pid = 9, .uid = geteuid() };
	struct privilege p = all;

	(void)state;
	expect(&p, &other, 0, "");
	p.cap_sys_ptrace = false;
	expect(&p, &own, 0, "");
	expect(&p, NULL, 0, "");
	expect(&p, &other, -EPERM, "CAP_SYS_PTRACE");
	p.ptrace_scope = 1;
	expect(&p, &own, -EPERM, "ptrace_scope is 1");
	p = all;
	p.ptrace_scope = 3;
	expect(&p, &own, -EPERM, "ptrace_scope is 3");
	p = all;
	p.bpf_ok = false;
	expect(&p, NULL, -EPERM, "CAP_BPF");
	p.perfmon_ok = false;
	expect(&p, NULL, -EPERM, "CAP_BPF and CAP_PERFMON");
	p.bpf_ok = true;
	expect(&p, NULL, -EPERM, "CAP_PERFMON");
	p = all;
	p.init_userns = false;
	expect(&p, NULL, -EPERM, "user namespace");
	p = all;
	p.has_btf = false;
	expect(&p, NULL, -ENOTSUP, "BTF");
	p = all;
	p.lockdown = LOCKDOWN_INTEGRITY;
	expect(&p, NULL, 0, "");
	p.lockdown = LOCKDOWN_CONFIDENTIALITY;
	expect(&p, NULL, -EPERM, "locked down");
}

/* What the kernel says of us, as root and after giving all up. */
static void asked(void **state)
{
	struct privilege p;
	int status;
	pid_t pid;

	(void)state;
	privilege_read(&p);
	assert_true(p.perf_event_paranoid >= -1);
	if (getuid() == 0 && p.cap_sys_admin)
		assert_true(p.cap_sys_ptrace);
	pid = fork();
	if (pid == 0) {
		if (getuid() == 0 && setuid(65534))
			_exit(1);
		privilege_read(&p);
		_exit(p.cap_bpf || p.cap_perfmon || p.cap_sys_admin || p.cap_sys_ptrace ||
		      p.bpf_ok);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_missing),
		cmocka_unit_test(asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
