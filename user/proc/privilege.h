/*
 * privilege.h - what this process may do, told before it fails.
 *
 * What counts is always the attempt; this only turns a refusal into the one missing thing: a
 * multi link needs CAP_BPF and CAP_PERFMON, reading another user's process CAP_SYS_PTRACE; CAP_SYS_ADMIN stands for the first two (Linux kernel/bpf/syscall.c, 5.8).
 */
#ifndef PROC_PRIVILEGE_H
#define PROC_PRIVILEGE_H

#include <stdbool.h>

#include "base/diag.h"

struct target;

enum privilege_lockdown { LOCKDOWN_NONE, LOCKDOWN_INTEGRITY, LOCKDOWN_CONFIDENTIALITY };

struct privilege {
	bool cap_bpf, cap_perfmon, cap_sys_ptrace, cap_sys_admin; /* effective */
	bool init_userns; /* false: capabilities of a user namespace do not count for BPF */
	bool bpf_ok;	  /* cap_bpf or cap_sys_admin, in the first user namespace */
	bool perfmon_ok;  /* cap_perfmon or cap_sys_admin, same */
	enum privilege_lockdown lockdown;
	int perf_event_paranoid;       /* -2: unknown */
	int unprivileged_bpf_disabled; /* -1: unknown */
	int ptrace_scope;	       /* Yama's; 0 also if there is no Yama */
	bool has_btf;		       /* /sys/kernel/btf/vmlinux can be read */
};

/* Asks the kernel; what it does not say is left at "unknown" or false. Cannot fail. */
void privilege_read(struct privilege *ret);

/*
 * 0 if nothing stands in the way of recording t; else -EPERM (a capability, Yama) or -ENOTSUP
 * (BTF) and the first missing thing as a sentence with its remedy. t may be NULL: then reading of
 * processes is not judged.
 */
int privilege_missing(const struct privilege *p, const struct target *t, struct diag *d);

#endif
