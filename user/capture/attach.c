#include "capture/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "gotrace.skel.h"

struct attach {
	struct gotrace_bpf *skel;
	struct bpf_link *link;
	struct bpf_link *sys_links[2]; /* enter, exit */
	bool tracepoints;
	struct bpf_link *exec_link; /* NULL: exec is only seen by asking (target_check) */
	void *ctl_map, *data_map; /* mmap()ed */
	size_t ctl_len, data_len, ring_bytes;
	struct rings *rings;
};

/* libbpf's words go to our debug log; what matters is in our own message. */
static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_DEBUG || log_get_level() < LOG_DEBUG)
		return 0;
	return vfprintf(stderr, fmt, ap); /* the verifier's log has many lines */
}

static void config_fill(struct bpf_config *c, const struct attach_opts *o)
{
	const struct golayout *l = o->layout;

	c->pidns_dev = o->pidns_dev;
	c->pidns_ino = o->pidns_ino;
	c->tgid = o->ns_tgid;
	c->ring_mask = (uint32_t)(o->ring_bytes - 1);
	c->gccontroller = o->gccontroller;
	c->inject_pc = o->inject_pc;
	c->heap_period_ns = o->heap_period_ns;
	c->go_minor = o->go_minor;
	memcpy(c->gcworker, o->gcworker, sizeof(c->gcworker));
	c->tls_g = o->tls_g;
	c->gosched_skip = o->go_minor >= 25 ? 0 : 1; /* Go 1.25 runtime/proc.go goschedImpl */
#define COPY(f) c->f = l->f
	COPY(g_m), COPY(g_sched_sp), COPY(g_sched_pc), COPY(g_sched_bp), COPY(g_syscallpc);
	COPY(g_syscallsp), COPY(g_syscallbp), COPY(g_atomicstatus), COPY(g_goid);
	COPY(g_schedlink), COPY(g_waitreason), COPY(g_asyncSafePoint), COPY(g_syncSafePoint);
	COPY(g_inMarkAssist), COPY(g_coroexit), COPY(g_lockedm), COPY(g_parentGoid);
	COPY(g_startpc), COPY(g_coroarg), COPY(m_curg), COPY(m_p), COPY(m_oldp), COPY(m_isextra);
	COPY(m_waitTraceSkip), COPY(m_waitTraceBlockReason), COPY(m_syscalltick);
	COPY(p_status), COPY(p_syscalltick), COPY(p_gcMarkWorkerMode);
#undef COPY
}

/* Maps the rings: control parts writable (we write tail), data for reading only. */
static int attach_map(struct attach *a, const struct attach_opts *o, int ncpu, struct diag *d)
{
	size_t stride = o->ring_bytes + REC_MAX_LEN;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	a->ring_bytes = o->ring_bytes;
	a->ctl_len = (sizeof(struct ring_ctl) * (size_t)ncpu + page - 1) & ~(page - 1);
	a->data_len = (stride * (size_t)ncpu + page - 1) & ~(page - 1);
	a->ctl_map = mmap(NULL, a->ctl_len, PROT_READ | PROT_WRITE, MAP_SHARED,
			  bpf_map__fd(a->skel->maps.ctls), 0);
	if (a->ctl_map == MAP_FAILED) {
		a->ctl_map = NULL;
		return diag_set(d, -errno, "cannot map the rings' control pages: %s",
				strerror(errno));
	}
	a->data_map = mmap(NULL, a->data_len, PROT_READ, MAP_SHARED,
			   bpf_map__fd(a->skel->maps.rings), 0);
	if (a->data_map == MAP_FAILED) {
		a->data_map = NULL;
		return diag_set(d, -errno, "cannot map the rings: %s", strerror(errno));
	}
	a->rings = rings_new(a->ctl_map, a->data_map, stride, o->ring_bytes - 1, (size_t)ncpu);
	return a->rings ? 0 : diag_set(d, -ENOMEM, "no memory for the rings");
}

static int load_failed(int err, struct diag *d)
{
	/* -EACCES is the verifier's word, not a missing capability's. */
	if (err == -EPERM)
		return diag_set(d, -EPERM,
				"cannot load BPF programs: %s; needs CAP_BPF and CAP_PERFMON (run "
				"as root)",
				strerror(-err));
	return diag_set(d, -ENOTSUP,
			"cannot load BPF programs: %s; needs Linux 6.6 or newer (-v shows more)",
			strerror(-err));
}

int attach_load(const struct attach_opts *opts, struct attach **ret, struct diag *d)
{
	struct attach *a = calloc(1, sizeof(*a));
	int ncpu = libbpf_num_possible_cpus();
	int err;

	if (!a)
		return diag_set(d, -ENOMEM, "no memory");
	libbpf_set_print(print_libbpf);
	a->skel = gotrace_bpf__open();
	if (!a->skel || ncpu < 1) {
		err = a->skel ? ncpu : -errno;
		attach_free(a);
		return load_failed(err, d);
	}
	config_fill((struct bpf_config *)&a->skel->rodata->cfg, opts);
	bpf_map__set_max_entries(a->skel->maps.rings, (uint32_t)ncpu);
	bpf_map__set_max_entries(a->skel->maps.ctls, (uint32_t)ncpu);
	bpf_map__set_max_entries(a->skel->maps.scratches, (uint32_t)ncpu * SCRATCH_SLOTS);
	bpf_map__set_value_size(a->skel->maps.rings, (uint32_t)(opts->ring_bytes + REC_MAX_LEN));
	bpf_program__set_autoload(a->skel->progs.on_sys_enter, opts->tracepoints);
	bpf_program__set_autoload(a->skel->progs.on_sys_exit, opts->tracepoints);
	a->tracepoints = opts->tracepoints;
	err = gotrace_bpf__load(a->skel);
	if (err < 0) {
		attach_free(a);
		return load_failed(err, d);
	}
	err = attach_map(a, opts, ncpu, d);
	if (err < 0) {
		attach_free(a);
		return err;
	}
	*ret = a;
	return 0;
}

int attach_link(struct attach *a, const struct plan *plan, int pid, const char *exe_path,
		struct diag *d)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, o);
	unsigned long *offsets = reallocarray(NULL, plan->site_cnt, sizeof(*offsets));
	__u64 *cookies = reallocarray(NULL, plan->site_cnt, sizeof(*cookies));
	int err;

	if (!offsets || !cookies) {
		free(offsets);
		free(cookies);
		return diag_set(d, -ENOMEM, "no memory");
	}
	for (size_t i = 0; i < plan->site_cnt; i++) {
		offsets[i] = plan->sites[i].site.file_off;
		cookies[i] = plan->sites[i].cookie;
	}
	o.cnt = plan->site_cnt;
	o.offsets = offsets;
	o.cookies = cookies;
	a->link = bpf_program__attach_uprobe_multi(a->skel->progs.on_hook, pid, exe_path, NULL, &o);
	err = a->link ? 0 : -errno;
	free(offsets);
	free(cookies);
	if (!err && a->tracepoints) {
		a->sys_links[0] = bpf_program__attach(a->skel->progs.on_sys_enter);
		a->sys_links[1] = bpf_program__attach(a->skel->progs.on_sys_exit);
		if (!a->sys_links[0] || !a->sys_links[1])
			return diag_set(d, -ENOTSUP,
					"cannot attach to the kernel's syscall tracepoints: %s; try "
					"--syscalls uprobe",
					strerror(errno));
	}
	/* Best effort: without it exec is noticed a little later, by asking. */
	if (!err)
		a->exec_link = bpf_program__attach(a->skel->progs.on_exec);
	if (err == -EPERM || err == -EACCES)
		return diag_set(d, -EPERM, "cannot attach probes: %s; needs CAP_BPF and CAP_PERFMON",
				strerror(-err));
	if (err == -ESRCH)
		return diag_set(d, err, "cannot attach probes: the process has ended");
	if (err < 0)
		return diag_set(d, -ENOTSUP,
				"cannot attach probes: %s; needs uprobe.multi (Linux 6.6 or newer)",
				strerror(-err));
	return 0;
}

bool attach_execed(const struct attach *a)
{
	return __atomic_load_n(&a->skel->bss->execed, __ATOMIC_ACQUIRE) != 0;
}

void attach_arm(struct attach *a, bool on)
{
	__atomic_store_n(&a->skel->bss->armed, on ? 1U : 0U, __ATOMIC_RELEASE);
}

void attach_unlink(struct attach *a)
{
	if (!a)
		return;
	bpf_link__destroy(a->link);
	bpf_link__destroy(a->sys_links[0]);
	bpf_link__destroy(a->sys_links[1]);
	a->sys_links[0] = a->sys_links[1] = NULL;
	bpf_link__destroy(a->exec_link);
	a->link = a->exec_link = NULL;
}

void attach_free(struct attach *a)
{
	if (!a)
		return;
	attach_unlink(a);
	rings_free(a->rings);
	if (a->data_map)
		munmap(a->data_map, a->data_len);
	if (a->ctl_map)
		munmap(a->ctl_map, a->ctl_len);
	gotrace_bpf__destroy(a->skel);
	free(a);
}

struct rings *attach_rings(struct attach *a)
{
	return a->rings;
}

size_t attach_ring_bytes(const struct attach *a)
{
	return a->data_len;
}
