#include "proc/target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/span.h"
#include "proc/container.h"
#include "proc/procfs.h"

enum {
	STATUS_TEXT =
		8192, /* /proc/PID/status; Groups can be longer and comes behind what we read */
	STAT_TEXT = 2048,
	PF_KTHREAD = 0x00200000, /* include/linux/sched.h */
	OPEN_TRIES = 3,
};

static void target_clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

static void target_zero(struct target *t)
{
	memset(t, 0, sizeof(*t));
	t->pidfd = t->proc_fd = t->exe_fd = t->mem_fd = -1;
}

void target_done(struct target *t)
{
	/* A zeroed target owns nothing: its descriptors read as 0, which is somebody's stdin. */
	if (t->pid) {
		const int fds[] = { t->pidfd, t->proc_fd, t->exe_fd, t->mem_fd };

		for (size_t i = 0; i < ARRAY_LEN(fds); i++)
			if (fds[i] >= 0)
				close(fds[i]);
	}
	target_zero(t);
}

/* ---- identifying -------------------------------------------------------------------------- */

static int target_no_process(const struct target *t, struct diag *d)
{
	if (access("/proc/self/stat", F_OK) != 0)
		return diag_set(d, -ENOENT, "pid %d: cannot look: /proc is not mounted here",
				t->pid);
	return diag_set(d, -ESRCH, "pid %d: no such process (in this pid namespace)", t->pid);
}

static int target_denied(const struct target *t, const char *what, struct diag *d)
{
	char scope[16];

	if (procfs_read(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope)) > 0 &&
	    procfs_number(scope, 0) >= 3)
		return diag_set(
			d, -EACCES,
			"pid %d: cannot %s: kernel.yama.ptrace_scope is 3, which forbids it to "
			"everyone until the next boot",
			t->pid, what);
	return diag_set(
		d, -EACCES,
		"pid %d (%s): cannot %s: Permission denied; needs CAP_SYS_PTRACE%s",
		t->pid, t->comm[0] ? t->comm : "?", what,
		t->uid == geteuid() ? ", since it is not dumpable, in another user namespace or "
				      "kernel.yama.ptrace_scope is set"
				    : " and CAP_DAC_READ_SEARCH, since it belongs to another user");
}

/* stat and status: what the process is, before anything that needs a permission. */
static int target_read_status(struct target *t, struct diag *d)
{
	char text[STATUS_TEXT];
	struct procfs_stat st;
	int64_t tgid;

	if (procfs_read(t->proc_fd, "stat", text, STAT_TEXT) <= 0 || procfs_parse_stat(text, &st))
		return target_no_process(t, d);
	memcpy(t->comm, st.comm, sizeof(t->comm));
	target_clean(t->comm);
	t->start_ticks = st.starttime;
	t->start_code = st.startcode;
	if (st.flags & PF_KTHREAD)
		return diag_set(d, -ENOTSUP, "pid %d (%s): is a kernel thread, not a Go program",
				t->pid, t->comm);
	if (procfs_read(t->proc_fd, "status", text, sizeof(text)) <= 0)
		return target_no_process(t, d);
	tgid = procfs_number(procfs_field(text, "Tgid:"), t->pid);
	if (tgid != t->pid)
		return diag_set(d, -EINVAL, "pid %d (%s): is a thread of process %lld; use -p %lld",
				t->pid, t->comm, (long long)tgid, (long long)tgid);
	if (st.state == 'Z' || st.state == 'X')
		return diag_set(d, -ESRCH,
				"pid %d (%s): its main thread has ended (a zombie): there is "
				"nothing to record",
				t->pid, t->comm);
	t->uid = (uid_t)procfs_number(procfs_field(text, "Uid:"), 0);
	t->tracer_pid = (pid_t)procfs_number(procfs_field(text, "TracerPid:"), 0);
	if (container_parse_nspid(text, &t->ns_pid))
		t->ns_pid = t->pid;
	return 0;
}

static void target_read_ns(struct target *t)
{
	struct stat own, st;

	if (fstatat(t->proc_fd, "ns/pid", &st, 0) != 0)
		return;
	t->pidns_dev = st.st_dev;
	t->pidns_ino = st.st_ino;
	t->same_pidns = stat("/proc/self/ns/pid", &own) == 0 && own.st_dev == st.st_dev &&
			own.st_ino == st.st_ino;
}

static int target_open_files(struct target *t, struct diag *d)
{
	struct stat st;

	t->mem_fd = openat(t->proc_fd, "mem", O_RDONLY | O_CLOEXEC);
	if (t->mem_fd < 0)
		return errno == EACCES || errno == EPERM ? target_denied(t, "read its memory", d)
							 : target_no_process(t, d);
	t->exe_fd = openat(t->proc_fd, "exe", O_RDONLY | O_CLOEXEC);
	if (t->exe_fd < 0 && (errno == EACCES || errno == EPERM))
		return diag_set(d, -EACCES,
				"pid %d (%s): cannot open its executable: Permission denied; needs "
				"CAP_DAC_READ_SEARCH or read permission on the file",
				t->pid, t->comm);
	if (t->exe_fd < 0 || fstat(t->exe_fd, &st) != 0)
		return target_no_process(t, d);
	t->dev = st.st_dev;
	t->ino = st.st_ino;
	t->exe_bytes = (uint64_t)st.st_size;
	return 0;
}

/* The name of the file, and whether it still leads to the file that runs (T3). */
static void target_read_path(struct target *t)
{
	static const char deleted[] = " (deleted)";
	const size_t tail = sizeof(deleted) - 1;
	char path[TARGET_PATH + 16];
	struct stat st;
	ssize_t n = readlinkat(t->proc_fd, "exe", t->exe, sizeof(t->exe) - 1);
	size_t len = n > 0 ? (size_t)n : 0;

	t->exe[len] = '\0';
	if (len > tail && strcmp(t->exe + len - tail, deleted) == 0) {
		t->exe[len - tail] = '\0';
		if (strncmp(t->exe, "/memfd:", 7) != 0) /* those never had a name */
			t->warns |= TARGET_W_DELETED;
	} else if (len) {
		snprintf(path, sizeof(path), "root%s", t->exe);
		if (fstatat(t->proc_fd, path, &st, 0) == 0 &&
		    (st.st_dev != t->dev || st.st_ino != t->ino))
			t->warns |= TARGET_W_REPLACED;
	}
	if (t->warns & TARGET_W_DELETED) {
		snprintf(path, sizeof(path), "root%s", t->exe);
		if (fstatat(t->proc_fd, path, &st, 0) == 0)
			t->warns = (t->warns & ~(unsigned)TARGET_W_DELETED) | TARGET_W_REPLACED;
	}
	target_clean(t->exe);
}

static void target_read_arch(struct target *t)
{
	uint8_t head[20] = { 0 };
	struct span s;
	uint16_t machine;

	t->arch = TARGET_OTHER;
	if (pread(t->exe_fd, head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head, ELFMAG, SELFMAG) != 0 || head[EI_CLASS] != ELFCLASS64 ||
	    head[EI_DATA] != ELFDATA2LSB)
		return;
	s = span_of(head + 18, 2);
	machine = span_u16(&s);
	if (machine == EM_X86_64)
		t->arch = TARGET_AMD64;
	else if (machine == EM_AARCH64)
		t->arch = TARGET_ARM64;
#if defined(__x86_64__)
	t->native = t->arch == TARGET_AMD64;
#elif defined(__aarch64__)
	t->native = t->arch == TARGET_ARM64;
#endif
}

static int target_open_once(struct target *t, struct diag *d)
{
	char name[32];
	int err;

	t->pidfd = (int)syscall(SYS_pidfd_open, t->pid, 0);
	if (t->pidfd < 0 && errno != EINVAL &&
	    errno != ENOENT) /* those two: a thread's id; see below */
		return errno == ESRCH ? target_no_process(t, d)
				      : diag_set(d, -errno, "pid %d: cannot watch it: %s", t->pid,
						 strerror(errno));
	snprintf(name, sizeof(name), "/proc/%d", t->pid);
	t->proc_fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->proc_fd < 0)
		return target_no_process(t, d);
	err = target_read_status(t, d);
	if (!err && t->pidfd < 0)
		err = target_no_process(t, d);
	if (!err)
		err = target_open_files(t, d);
	if (err)
		return err;
	/* Needs the permission that mem just proved; before it the kernel shows 1 or 0. */
	target_read_ns(t);
	target_read_path(t);
	target_read_arch(t);
	if (t->tracer_pid)
		t->warns |= TARGET_W_TRACED;
	return 0;
}

/* exec between the first and the last look would mix two programs: look at both ends again. */
static bool target_settled(const struct target *t)
{
	char text[STAT_TEXT];
	struct procfs_stat st;
	struct stat exe;

	return target_check(t) == TARGET_RUNNING &&
	       procfs_read(t->proc_fd, "stat", text, sizeof(text)) > 0 &&
	       !procfs_parse_stat(text, &st) && st.startcode == t->start_code &&
	       fstatat(t->proc_fd, "exe", &exe, 0) == 0 && exe.st_ino == t->ino &&
	       exe.st_dev == t->dev;
}

int target_open(pid_t pid, struct target *ret, struct diag *d)
{
	struct target t;
	int err;

	if (pid <= 0)
		return diag_set(d, -EINVAL, "%d is not a process id", pid);
	for (unsigned i = 0; i < OPEN_TRIES; i++) {
		target_zero(&t);
		t.pid = pid;
		err = target_open_once(&t, d);
		if (!err && target_settled(&t)) {
			*ret = t;
			return 0;
		}
		target_done(&t);
		if (err)
			return err;
	}
	return diag_set(d, -ESRCH,
			"pid %d: ended or became another program while it was identified", pid);
}

bool target_warn_next(const struct target *t, unsigned *pos, struct diag *ret)
{
	while ((1U << *pos) < TARGET_W_END) {
		unsigned w = 1U << (*pos)++;

		if (!(t->warns & w))
			continue;
		if (w == TARGET_W_DELETED)
			diag_set(ret, 0,
				 "pid %d: its executable %s was deleted; using the file it still "
				 "runs",
				 t->pid, t->exe);
		else if (w == TARGET_W_REPLACED)
			diag_set(ret, 0,
				 "pid %d: %s is another file by now; using the one it still runs",
				 t->pid, t->exe);
		else
			diag_set(ret, 0, "pid %d: is being traced by process %d (a debugger?)",
				 t->pid, t->tracer_pid);
		return true;
	}
	return false;
}

/* ---- its end ------------------------------------------------------------------------------ */

int target_wait(const struct target *t, int timeout_ms)
{
	struct pollfd p = { .fd = t->pidfd, .events = POLLIN };
	int n = poll(&p, 1, timeout_ms);

	return n < 0 ? -errno : n > 0;
}

/* True once the mm that mem_fd holds has no user (T4); an address that is not mapped gives EIO. */
static bool target_mm_gone(const struct target *t)
{
	char c;

	return pread(t->mem_fd, &c, 1, (off_t)t->start_code) == 0;
}

enum target_state target_check(const struct target *t)
{
	char text[STAT_TEXT];
	struct procfs_stat st;

	if (!target_mm_gone(t))
		return target_wait(t, 0) == 1 ? TARGET_EXITED : TARGET_RUNNING;
	/*
	 * Exit drops the mm a moment before the pidfd tells: then there is no new one, and the stat
	 * file has no addresses of code. After exec there are.
	 */
	if (target_wait(t, 0) == 1 || procfs_read(t->proc_fd, "stat", text, sizeof(text)) <= 0 ||
	    procfs_parse_stat(text, &st) || st.state == 'Z' || st.state == 'X' || !st.startcode)
		return TARGET_EXITED;
	return TARGET_EXECED;
}

/* uapi pidfd.h of 6.15, under our own names: older headers lack it. */
struct target_pidfd_info {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
};
enum { PIDFD_INFO_EXIT_ = 1 << 3 };
#define PIDFD_GET_INFO_ _IOWR(0xFF, 11, struct target_pidfd_info)

int target_exit_status(const struct target *t, int *ret_status)
{
	struct target_pidfd_info info = { .mask = PIDFD_INFO_EXIT_ };
	char text[STAT_TEXT];
	struct procfs_stat st;

	_Static_assert(sizeof(info) == 64, "PIDFD_INFO_SIZE_VER0");
	if (target_wait(t, 0) != 1)
		return -EAGAIN;
	/* A zombie still has its stat file; once it is reaped, 6.15 and later keep the code. */
	if (procfs_read(t->proc_fd, "stat", text, sizeof(text)) > 0 &&
	    !procfs_parse_stat(text, &st) && st.state == 'Z') {
		*ret_status = st.exit_code;
		return 0;
	}
	if (ioctl(t->pidfd, PIDFD_GET_INFO_, &info) == 0 && (info.mask & PIDFD_INFO_EXIT_)) {
		*ret_status = info.exit_code;
		return 0;
	}
	return -ENODATA;
}

int target_cpu_ns(const struct target *t, uint64_t *ret_ns)
{
	char text[STAT_TEXT];
	struct procfs_stat st;
	struct timespec ts;
	clockid_t clock;
	long hz = sysconf(_SC_CLK_TCK);

	/*
	 * Exact, and still bound to this process: a reused pid is ruled out by the pidfd behind it.
	 */
	if (clock_getcpuclockid(t->pid, &clock) == 0 && clock_gettime(clock, &ts) == 0 &&
	    target_wait(t, 0) == 0) {
		*ret_ns = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
		return 0;
	}
	if (procfs_read(t->proc_fd, "stat", text, sizeof(text)) <= 0 ||
	    procfs_parse_stat(text, &st) || hz <= 0)
		return -ESRCH;
	*ret_ns = (st.utime + st.stime) * (1000000000ULL / (uint64_t)hz);
	return 0;
}

/* ---- names -------------------------------------------------------------------------------- */

void target_name(const struct target *t, char ret[static TARGET_NAME])
{
	enum { COMM_CUT = 15 }; /* TASK_COMM_LEN - 1 */
	const char *base = strrchr(t->exe, '/'), *src = t->comm;
	size_t n = 0;

	if (base && strlen(t->comm) == COMM_CUT && strncmp(base + 1, t->comm, COMM_CUT) == 0)
		src = base + 1;
	/* Half of the room is left to those who append to the name. */
	for (; *src && n < TARGET_NAME / 2; src++) {
		char c = *src;
		bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			  (c >= 'A' && c <= 'Z') || c == '_' || ((c == '.' || c == '-') && n > 0);

		ret[n++] = ok ? c : '_';
	}
	if (n == 0)
		ret[n++] = '_';
	ret[n] = '\0';
}

void target_file_stem(const struct target *t, uint64_t real_ns, char ret[static TARGET_NAME])
{
	char name[TARGET_NAME], when[32];
	time_t sec = (time_t)(real_ns / 1000000000);
	struct tm tm = { 0 };

	target_name(t, name);
	gmtime_r(&sec, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(ret, TARGET_NAME, "%.*s-%d-%s", TARGET_NAME / 2, name, t->pid, when);
}
