/*
 * target.h - what the process is: its identity, one held descriptor of each thing that must not
 * change under us, and its end.
 *
 * T1  A struct target is bound to one process and one memory image of it: pidfd and proc_fd name
 *     the process (a reused pid never answers through them), exe_fd its file, mem_fd its mm.
 * T2  Nothing here stops, traces or writes to the process: mem_fd is opened for reading only.
 * T3  The file behind exe_fd is the truth; what its path names now (nothing, a newer file, another
 *     container's file) is only worth a warning.
 * T4  exec is seen by mem_fd: an open /proc/PID/mem belongs to the mm, and a read gives 0 bytes
 *     once the last user of that mm is gone (fs/proc/base.c mem_rw, mmget_not_zero). This holds for
 *     exec of the same inode, with address randomisation off, and by any thread.
 *
 * Sources: proc(5), pidfd_open(2), Linux fs/proc/{base,array}.c, include/uapi/linux/pidfd.h (6.15).
 */
#ifndef PROC_TARGET_H
#define PROC_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"

enum target_arch { TARGET_AMD64, TARGET_ARM64, TARGET_OTHER };

enum target_warn {
	TARGET_W_DELETED = 1 << 0,  /* the file has no name any more */
	TARGET_W_REPLACED = 1 << 1, /* its name means another file now */
	TARGET_W_TRACED = 1 << 2,   /* a debugger is attached */
	TARGET_W_END = 1 << 3,
};

enum target_state {
	TARGET_RUNNING,
	TARGET_EXITED, /* all its threads have ended (it may still be a zombie) */
	TARGET_EXECED, /* the same process, another program image: nothing read before holds */
};

enum { TARGET_COMM = 64, TARGET_PATH = 4096, TARGET_NAME = 192 };

struct target {
	pid_t pid;	      /* as /proc here shows it */
	int pidfd;	      /* owned; poll it for POLLIN: the process has ended */
	int proc_fd;	      /* owned; /proc/PID */
	int exe_fd;	      /* owned; read only */
	int mem_fd;	      /* owned; read only (T4) */
	uint64_t start_ticks; /* since boot, in clock ticks: with pid the kernel's identity */
	char comm[TARGET_COMM]; /* control characters as '?' */
	char exe[TARGET_PATH];	/* for messages: its path in the target's own mount namespace, without
				 * " (deleted)", control characters as '?' */
	uint64_t dev, ino;    /* of exe_fd (fstat); dev as st_dev */
	uint64_t exe_bytes;
	uint64_t start_code;  /* lowest address of its code: in the exe's own mapping */
	uint64_t pidns_dev, pidns_ino; /* of /proc/PID/ns/pid, for bpf_get_ns_current_pid_tgid */
	pid_t ns_pid;	      /* its pid in that namespace */
	bool same_pidns;      /* that namespace is ours too */
	uid_t uid;	      /* real */
	pid_t tracer_pid;     /* 0: none */
	enum target_arch arch;
	bool native;	      /* arch is this machine's and 64 bit */
	unsigned warns;	      /* enum target_warn */
};

/*
 * Identifies pid and opens its descriptors. 0: *ret is filled, target_done releases it.
 * Errors, each with a sentence that names the process and the remedy: -ESRCH no such process, a
 * zombie; -EACCES (which capability); -EINVAL not a pid, a thread of another process; -ENOTSUP a
 * kernel thread. A process that changes its image in between is identified again.
 */
int target_open(pid_t pid, struct target *ret, struct diag *d);

/* Closes what is open; t becomes zero with all descriptors -1. Zeroed targets are allowed. */
void target_done(struct target *t);

/* The next warning as a sentence; start with *pos = 0. False: no more. */
bool target_warn_next(const struct target *t, unsigned *pos, struct diag *ret);

/* Its state now; costs two system calls. */
enum target_state target_check(const struct target *t);

/* Waits up to timeout_ms (-1: no limit) for its end: 1 ended, 0 not yet, -EINTR. Not exec. */
int target_wait(const struct target *t, int timeout_ms);

/*
 * How it ended: *ret_status as wait(2) has it. -EAGAIN it has not, -ENODATA the kernel does not
 * tell (before 6.15 nobody but the parent learns it once the zombie is gone).
 */
int target_exit_status(const struct target *t, int *ret_status);

/* CPU time of all its threads, living and ended, user and system, in ns. 0, -ESRCH or -errno. */
int target_cpu_ns(const struct target *t, uint64_t *ret_ns);

/*
 * A name for files and messages: the executable's name (comm, or the file's where comm is its cut
 * form) with only [A-Za-z0-9._-], never empty, never beginning with '.' or '-'.
 */
void target_name(const struct target *t, char ret[static TARGET_NAME]);

/* "NAME-PID-20260131T235959Z" (UTC) for a CLOCK_REALTIME; no suffix. */
void target_file_stem(const struct target *t, uint64_t real_ns, char ret[static TARGET_NAME]);

#endif
