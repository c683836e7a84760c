#include "proc/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc/procfs.h"
#include "proc/target.h"

enum { STATUS_TEXT = 8192, SMALL_TEXT = 256 };

#ifndef CAP_PERFMON
#define CAP_PERFMON 38 /* Linux 5.8 */
#define CAP_BPF 39
#endif

static int64_t privilege_sysctl(const char *path, int64_t dflt)
{
	char text[SMALL_TEXT];

	if (procfs_read(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return dflt;
	return procfs_number(text, dflt);
}

static enum privilege_lockdown privilege_lockdown_get(void)
{
	char text[SMALL_TEXT];

	if (procfs_read(AT_FDCWD, "/sys/kernel/security/lockdown", text, sizeof(text)) <= 0)
		return LOCKDOWN_NONE;
	if (strstr(text, "[confidentiality]"))
		return LOCKDOWN_CONFIDENTIALITY;
	return strstr(text, "[integrity]") ? LOCKDOWN_INTEGRITY : LOCKDOWN_NONE;
}

/* The first user namespace maps all ids onto themselves: "0 0 4294967295" (user_namespaces(7)). */
static bool privilege_in_init_userns(void)
{
	char text[SMALL_TEXT], *p = text;
	unsigned long long v[3] = { 1, 1, 0 };

	if (procfs_read(AT_FDCWD, "/proc/self/uid_map", text, sizeof(text)) <= 0)
		return true; /* a kernel without user namespaces */
	for (unsigned i = 0; i < 3; i++)
		v[i] = strtoull(p, &p, 10);
	return v[0] == 0 && v[1] == 0 && v[2] == UINT32_MAX;
}

void privilege_read(struct privilege *ret)
{
	char text[STATUS_TEXT];
	const char *eff = NULL;
	unsigned long long caps;

	*ret = (struct privilege){ 0 };
	if (procfs_read(AT_FDCWD, "/proc/self/status", text, sizeof(text)) > 0)
		eff = procfs_field(text, "CapEff:");
	caps = eff ? strtoull(eff, NULL, 16) : 0;
	ret->cap_bpf = caps >> CAP_BPF & 1;
	ret->cap_perfmon = caps >> CAP_PERFMON & 1;
	ret->cap_sys_ptrace = caps >> CAP_SYS_PTRACE & 1;
	ret->cap_sys_admin = caps >> CAP_SYS_ADMIN & 1;
	ret->init_userns = privilege_in_init_userns();
	ret->bpf_ok = ret->init_userns && (ret->cap_bpf || ret->cap_sys_admin);
	ret->perfmon_ok = ret->init_userns && (ret->cap_perfmon || ret->cap_sys_admin);
	ret->lockdown = privilege_lockdown_get();
	ret->perf_event_paranoid =
		(int)privilege_sysctl("/proc/sys/kernel/perf_event_paranoid", -2);
	ret->unprivileged_bpf_disabled =
		(int)privilege_sysctl("/proc/sys/kernel/unprivileged_bpf_disabled", -1);
	ret->ptrace_scope = (int)privilege_sysctl("/proc/sys/kernel/yama/ptrace_scope", 0);
	ret->has_btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
}

int privilege_missing(const struct privilege *p, const struct target *t, struct diag *d)
{
	if (!p->init_userns)
		return diag_set(
			d, -EPERM,
			"not permitted: we run in a user namespace, whose capabilities do not "
			"reach BPF; run outside of it");
	if (!p->bpf_ok && !p->perfmon_ok)
		return diag_set(
			d, -EPERM,
			"not permitted: needs CAP_BPF and CAP_PERFMON (run as root, or setcap "
			"cap_bpf,cap_perfmon,cap_sys_ptrace+ep on this program)");
	if (!p->bpf_ok)
		return diag_set(d, -EPERM, "not permitted: needs CAP_BPF (or CAP_SYS_ADMIN)");
	if (!p->perfmon_ok)
		return diag_set(d, -EPERM, "not permitted: needs CAP_PERFMON (or CAP_SYS_ADMIN)");
	if (t && p->ptrace_scope >= 3)
		return diag_set(
			d, -EPERM,
			"not permitted: kernel.yama.ptrace_scope is 3, which forbids reading "
			"other processes until the next boot");
	if (t && !p->cap_sys_ptrace && t->uid != geteuid())
		return diag_set(
			d, -EPERM,
			"not permitted: process %d belongs to user %u; needs CAP_SYS_PTRACE",
			t->pid, t->uid);
	if (t && !p->cap_sys_ptrace && p->ptrace_scope > 0)
		return diag_set(
			d, -EPERM,
			"not permitted: kernel.yama.ptrace_scope is %d; needs CAP_SYS_PTRACE",
			p->ptrace_scope);
	if (!p->has_btf)
		return diag_set(
			d, -ENOTSUP,
			"the kernel has no BTF (/sys/kernel/btf/vmlinux); needs a kernel built "
			"with CONFIG_DEBUG_INFO_BTF");
	if (p->lockdown == LOCKDOWN_CONFIDENTIALITY)
		return diag_set(
			d, -EPERM,
			"the kernel is locked down (confidentiality), which forbids BPF to read "
			"kernel memory; boot with lockdown=integrity or none");
	return 0;
}
