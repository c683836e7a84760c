/*
 * attach.h - the BPF side of a recording: load, attach, arm, disarm, detach.
 *
 *	load -> [set_who] -> link -> arm(true) -> [switch, let_go] -> arm(false) -> unlink -> free
 *
 * A1  One uprobe.multi link for all sites that are watched; for others, it is replaced: the new one is
 *     there before the old one goes, and programs leave hits of the old one alone (turns). Links are
 *     descriptors: if we die, the kernel detaches.
 * A2  No return probe, no write to the target, no wake-up (docs/design.md: the target comes first).
 * A3  attach_free is right in every phase and takes NULL.
 */
#ifndef CAPTURE_ATTACH_H
#define CAPTURE_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "capture/plan.h"
#include "capture/rings.h"
#include "image/golayout.h"
#include "include/record.h"

struct attach;

struct attach_opts {
	uint64_t pidns_ino; /* 0: numbers of the initial namespace */
	unsigned go_minor;
	const struct golayout *layout;
	uint64_t gccontroller; /* address in the process; 0: no heap records */
	uint64_t inject_pc;    /* struct bpf_config */
	uint64_t gopark_pc;    /* struct bpf_config */
	uint64_t goexit_pc;    /* struct bpf_config */
	uint64_t callback, ecallback; /* struct bpf_config */
	struct syscall_pcs sys[2]; /* syscall.Syscall, Syscall6, in the target; 0, 0: not known */
	uint8_t gcworker[4];   /* struct bpf_config */
	int64_t tls_g;	       /* struct bpf_config */
	bool tracepoints;      /* syscalls by sys_enter and sys_exit */
	uint32_t heap_period_ns;
	size_t ring_bytes; /* of each CPU; a power of two */
};

/* Loads the programs. 0; -EPERM, -ENOTSUP (kernel: d says which feature), -ENOMEM. */
int attach_load(const struct attach_opts *opts, struct attach **ret, struct diag *d);

/* Whose hits are taken. Before anything is attached to it. */
struct attach_who {
	uint64_t pidns_dev, pidns_ino; /* 0: the initial namespace */
	uint32_t tgid;		       /* in that namespace */
};
void attach_set_who(struct attach *a, const struct attach_who *who);

/* The kernel's syscall tracepoints, if opts.tracepoints; attach_switch does so by itself. 0, -ENOTSUP. */
int attach_tracepoints(struct attach *a, struct diag *d);

/*
 * Attaches the sites of those parts of plan (bits 1 << enum plan_part) in process pid through exe_path
 * (/proc/self/fd/N of its binary). 0; -ENOTSUP (no uprobe.multi: kernel 6.6 has it), -EPERM, -ESRCH.
 */
struct attach_target {
	const struct plan *plan; /* borrowed for the life of a */
	int pid;
	const char *exe_path;
	unsigned parts;
};
int attach_link(struct attach *a, const struct attach_target *t, struct diag *d);

/*
 * Watches other parts from now on. Those that are left are still attached, and cost a trap, until
 * attach_let_go, which waits for the kernel. Errors as attach_link.
 */
int attach_switch(struct attach *a, unsigned parts, struct diag *d);
void attach_let_go(struct attach *a);

/* Wake-ups without stacks, from the next one on. */
void attach_plain_wakes(struct attach *a, bool on);
/* Blocks say which goroutine they are of, from the next one on: where no start does. */
void attach_name_parks(struct attach *a, bool on);

/* The same programs at places of our own program: cnt offsets (attach_own_offset) with cookies. */
int attach_own(struct attach *a, const unsigned long *offs, const uint64_t *cookies, size_t cnt);
/* Gives the places of our own up again. */
void attach_own_done(struct attach *a);
/*
 * Closes fd in a thread of its own, which nobody waits for: giving a link up waits for the kernel, 30
 * ms and more.
 */
void attach_close_later(int fd);
/* An address in our own program as an offset in its file. 0 or -ENOENT. */
int attach_own_offset(uintptr_t addr, unsigned long *ret);
/* Forgets all that was recorded so far: before anything of the target's is. */
void attach_forget(struct attach *a);

/* From now on hits make records, or none do. Programs that run already may still write one. */
void attach_arm(struct attach *a, bool on);

/* True once the target has replaced itself by exec; nothing of the new program is recorded. */
bool attach_execed(const struct attach *a);

/* Detaches, and waits for programs that run; the rings stay readable. Takes NULL. */
void attach_unlink(struct attach *a);
void attach_free(struct attach *a);

/* Borrowed; lives as long as a. */
struct rings *attach_rings(struct attach *a);
size_t attach_ring_bytes(const struct attach *a);

/*
 * What the kernel can do, found by trying on a program of our own: uprobe.multi at all, and
 * whether probes on five-byte nops are cheaper than on pushes.
 */
struct attach_features {
	bool uprobe_multi;
	bool nop5_cheap;
	uint32_t push_ns, nop5_ns; /* of a hit with an empty program */
	int link_fd; /* owned; -1 none. For attach_close_later, when nothing is measured any more */
	char why[200]; /* of !uprobe_multi */
};
/*
 * Takes some ms. 0; -ENOTSUP another architecture; an error of the kernel's with ret->why.
 */
int attach_probe_features(struct attach_features *ret);

/*
 * System calls a second, counted for 20 ms: the target's that can be a goroutine's, and all of the
 * others. 0 or the kernel's error: then its syscall tracepoints cannot be used at all.
 */
struct attach_rates {
	uint64_t own, others;
};
int attach_syscall_rate(const struct attach_who *who, struct attach_rates *ret);

#endif
