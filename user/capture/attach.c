#include "capture/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "gotrace.skel.h"

enum { LINKS_MAX = 4 };

struct attach {
	struct gotrace_bpf *skel;
	struct bpf_link *link; /* all sites of the parts that are watched */
	unsigned parts;	       /* those, as bits */
	uint8_t turn;	       /* in its cookies (COOKIE_TURN_SHIFT) */
	struct bpf_link *gone[LINKS_MAX]; /* for attach_let_go */
	size_t gone_cnt;
	struct bpf_link *sys_links[2]; /* enter, exit */
	int own_link;		       /* -1: none */
	struct attach_target target;
	char exe_path[64];
	bool tracepoints;
	uint64_t epochs; /* of the goroutines' cache so far */
	uint32_t armings; /* how often it was armed: never 0 while it is */
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

	c->pidns_ino = o->pidns_ino;
	c->ring_mask = (uint32_t)(o->ring_bytes - 1);
	c->gccontroller = o->gccontroller;
	c->inject_pc = o->inject_pc;
	c->gopark_pc = o->gopark_pc;
	c->goexit_pc = o->goexit_pc;
	c->callback = o->callback;
	c->ecallback = o->ecallback;
	for (size_t i = 0; i < ARRAY_LEN(o->sys); i++) {
		c->sys_ret[i] = o->sys[i].raw;
		/* Without g.syscallbp the chain begins at the return of RawSyscall6 (on_sys_enter_read). */
		c->sys_pc[i] = l->g_syscallbp == GOLAYOUT_NONE ? o->sys[i].raw : o->sys[i].enter;
	}
	c->heap_period_ns = o->heap_period_ns;
	c->go_minor = o->go_minor;
	memcpy(c->gcworker, o->gcworker, sizeof(c->gcworker));
	c->tls_g = o->tls_g;
	c->gosched_skip = o->go_minor >= 25 ? 0 : 1; /* Go 1.25 runtime/proc.go goschedImpl */
#define COPY(f) c->f = l->f
	COPY(g_m), COPY(g_sched_sp), COPY(g_sched_pc), COPY(g_sched_bp), COPY(g_syscallpc);
	COPY(g_syscallsp), COPY(g_syscallbp), COPY(g_atomicstatus), COPY(g_goid);
	COPY(g_schedlink), COPY(g_waitreason), COPY(g_asyncSafePoint), COPY(g_syncSafePoint);
	COPY(g_inMarkAssist), COPY(g_coroexit), COPY(g_parentGoid);
	COPY(g_startpc), COPY(g_coroarg), COPY(m_curg), COPY(m_p), COPY(m_oldp), COPY(m_isextra), COPY(m_ncgo);
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
	struct utsname u;

	/* -EACCES is the verifier's word, not a missing capability's. */
	if (err == -EPERM)
		return diag_set(d, -EPERM,
				"cannot load BPF programs: %s; needs CAP_BPF and CAP_PERFMON (run "
				"as root)",
				strerror(-err));
	return diag_set(d, -ENOTSUP,
			"cannot load BPF programs: %s; needs Linux 6.6 or newer, this is %s (-v shows "
			"more)",
			strerror(-err), uname(&u) == 0 ? u.release : "of another kind");
}

/* What on_sys_enter jumps to. 0 or the kernel's error. */
static int fill_sys_hots(struct attach *a)
{
	int map = bpf_map__fd(a->skel->maps.sys_hots);
	int fd = bpf_program__fd(a->skel->progs.on_sys_enter_read);
	uint32_t at = 0;

	return bpf_map_update_elem(map, &at, &fd, BPF_ANY) < 0 ? -errno : 0;
}

int attach_load(const struct attach_opts *opts, struct attach **ret, struct diag *d)
{
	struct attach *a = calloc(1, sizeof(*a));
	int ncpu = libbpf_num_possible_cpus();
	int err;

	if (!a)
		return diag_set(d, -ENOMEM, "no memory");
	a->own_link = -1;
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
	bpf_program__set_autoload(a->skel->progs.on_sys_enter_read, opts->tracepoints);
	bpf_program__set_autoload(a->skel->progs.on_sys_exit, opts->tracepoints);
	a->tracepoints = opts->tracepoints;
	err = gotrace_bpf__load(a->skel);
	if (!err && opts->tracepoints)
		err = fill_sys_hots(a);
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

void attach_set_who(struct attach *a, const struct attach_who *who)
{
	a->skel->bss->who_dev = who->pidns_dev;
	a->skel->bss->who_ino = who->pidns_ino;
	a->skel->bss->who_tgid = who->tgid;
	a->skel->bss->who_global = 0;
}

int attach_tracepoints(struct attach *a, struct diag *d)
{
	if (!a->tracepoints || a->sys_links[0])
		return 0;
	a->sys_links[0] = bpf_program__attach(a->skel->progs.on_sys_enter);
	a->sys_links[1] = bpf_program__attach(a->skel->progs.on_sys_exit);
	if (a->sys_links[0] && a->sys_links[1])
		return 0;
	return diag_set(d, -ENOTSUP,
			"cannot attach to the kernel's syscall tracepoints: %s; try --syscalls uprobe",
			strerror(errno));
}

static int link_failed(int err, struct diag *d)
{
	if (err == -EPERM || err == -EACCES)
		return diag_set(d, -EPERM, "cannot attach probes: %s; needs CAP_BPF and CAP_PERFMON",
				strerror(-err));
	if (err == -ESRCH)
		return diag_set(d, err, "cannot attach probes: the process has ended");
	return diag_set(d, -ENOTSUP,
			"cannot attach probes: %s; needs uprobe.multi (Linux 6.6 or newer)",
			strerror(-err));
}

/*
 * One link for the sites of the parts in mask, in the turn after this one. 0 (also if it has none), or
 * the kernel's error.
 */
static int link_parts(struct attach *a, unsigned mask, struct bpf_link **ret)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, o);
	const struct plan *plan = a->target.plan;
	unsigned long *offsets = reallocarray(NULL, plan->site_cnt, sizeof(*offsets));
	__u64 *cookies = reallocarray(NULL, plan->site_cnt, sizeof(*cookies));
	__u64 turn = (uint8_t)(a->turn + 1);
	struct bpf_link *link = NULL;
	int err = offsets && cookies ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < plan->site_cnt; i++) {
		if (!(mask & 1U << plan_part((uint8_t)plan->sites[i].cookie)))
			continue;
		offsets[o.cnt] = plan->sites[i].site.file_off;
		cookies[o.cnt++] = plan->sites[i].cookie | turn << COOKIE_TURN_SHIFT;
	}
	o.offsets = offsets;
	o.cookies = cookies;
	if (!err && o.cnt) {
		link = bpf_program__attach_uprobe_multi(a->skel->progs.on_hook, a->target.pid,
							a->exe_path, NULL, &o);
		err = link ? 0 : -errno;
	}
	free(offsets);
	free(cookies);
	if (!err)
		*ret = link;
	return err;
}

int attach_link(struct attach *a, const struct attach_target *t, struct diag *d)
{
	int err;

	a->target = *t;
	snprintf(a->exe_path, sizeof(a->exe_path), "%s", t->exe_path);
	err = attach_switch(a, t->parts, d);
	if (err < 0)
		return err;
	/* Best effort: without it exec is noticed a little later, by asking. */
	a->exec_link = bpf_program__attach(a->skel->progs.on_exec);
	return 0;
}

static void *destroy_link(void *link)
{
	bpf_link__destroy(link);
	return NULL;
}

/* The kernel makes each close wait for a grace period: side by side they wait for the same one. */
static void destroy_links(struct bpf_link **v, size_t n)
{
	pthread_t threads[LINKS_MAX];
	bool started[LINKS_MAX] = { false };

	for (size_t i = 1; i < n; i++)
		started[i] = v[i] && pthread_create(&threads[i], NULL, destroy_link, v[i]) == 0;
	for (size_t i = 0; i < n; i++)
		if (!started[i])
			bpf_link__destroy(v[i]);
	for (size_t i = 1; i < n; i++)
		if (started[i])
			pthread_join(threads[i], NULL);
}

/*
 * The goroutines' cache is empty from here on, and of no use unless on. Keys are addresses xor the
 * epoch, which is spread over 64 bits: those of two epochs are the same as seldom as two hashes.
 */
static void set_g_epoch(struct attach *a, bool on)
{
	uint64_t epoch = on ? ++a->epochs * 0x9e3779b97f4a7c15ULL : 0;

	__atomic_store_n(&a->skel->bss->g_epoch, epoch, __ATOMIC_RELEASE);
}

int attach_switch(struct attach *a, unsigned parts, struct diag *d)
{
	struct bpf_link *link = NULL;
	int err = 0;

	attach_let_go(a);
	set_g_epoch(a, false);
	if (parts != a->parts) {
		err = link_parts(a, parts, &link);
		if (err < 0)
			return link_failed(err, d);
		/* From here on the programs take the new link's hits and leave the old one's. */
		__atomic_store_n(&a->skel->bss->turn, ++a->turn, __ATOMIC_RELEASE);
		if (a->link)
			a->gone[a->gone_cnt++] = a->link;
		a->link = link;
		a->parts = parts;
	}
	set_g_epoch(a, a->target.plan->creations && (parts & 1U << plan_part(HOOK_CREATE)));
	if (parts & 1U << PART_SYSCALLS)
		err = attach_tracepoints(a, d);
	for (size_t i = 0; !(parts & 1U << PART_SYSCALLS) && i < ARRAY_LEN(a->sys_links); i++) {
		if (a->sys_links[i])
			a->gone[a->gone_cnt++] = a->sys_links[i];
		a->sys_links[i] = NULL;
	}
	return err;
}

void attach_let_go(struct attach *a)
{
	destroy_links(a->gone, a->gone_cnt);
	a->gone_cnt = 0;
}

int attach_own(struct attach *a, const unsigned long *offs, const uint64_t *cookies, size_t cnt)
{
	LIBBPF_OPTS(bpf_link_create_opts, o);
	int link;

	o.uprobe_multi.path = "/proc/self/exe";
	o.uprobe_multi.offsets = offs;
	o.uprobe_multi.cookies = (const __u64 *)cookies;
	o.uprobe_multi.cnt = (__u32)cnt;
	o.uprobe_multi.pid = (__u32)getpid();
	link = bpf_link_create(bpf_program__fd(a->skel->progs.on_hook), 0, BPF_TRACE_UPROBE_MULTI,
			       &o);
	if (link < 0)
		return link;
	a->own_link = link;
	set_g_epoch(a, true);
	return 0;
}

static void *close_fd(void *fd)
{
	close((int)(intptr_t)fd);
	return NULL;
}

void attach_close_later(int fd)
{
	pthread_t thread;

	if (fd < 0)
		return;
	if (pthread_create(&thread, NULL, close_fd, (void *)(intptr_t)fd) == 0)
		pthread_detach(thread);
	else
		close(fd);
}

void attach_own_done(struct attach *a)
{
	attach_close_later(a->own_link);
	a->own_link = -1;
}

void attach_forget(struct attach *a)
{
	struct ring_ctl *ctl = a->ctl_map;

	for (int i = 0, n = libbpf_num_possible_cpus(); i < n; i++) {
		ctl[i].tail = ctl[i].head;
		ctl[i].lost = ctl[i].skipped = ctl[i].faults = ctl[i].passed = ctl[i].traced = 0;
		memset(ctl[i].lost_by, 0, sizeof(ctl[i].lost_by));
	}
	a->skel->bss->heap_ns = 0;
	rings_skip(a->rings);
}

void attach_plain_wakes(struct attach *a, bool on)
{
	__atomic_store_n(&a->skel->bss->plain_wakes, on ? 1U : 0U, __ATOMIC_RELEASE);
}

void attach_name_parks(struct attach *a, bool on)
{
	__atomic_store_n(&a->skel->bss->name_parks, on ? 1U : 0U, __ATOMIC_RELEASE);
}

bool attach_execed(const struct attach *a)
{
	return __atomic_load_n(&a->skel->bss->execed, __ATOMIC_ACQUIRE) != 0;
}

void attach_arm(struct attach *a, bool on)
{
	if (on && !++a->armings)
		a->armings = 1;
	__atomic_store_n(&a->skel->bss->armed, on ? a->armings : 0U, __ATOMIC_RELEASE);
}

void attach_unlink(struct attach *a)
{
	struct bpf_link *v[LINKS_MAX];

	if (!a)
		return;
	attach_let_go(a);
	v[0] = a->link;
	v[1] = a->sys_links[0];
	v[2] = a->sys_links[1];
	v[3] = a->exec_link;
	destroy_links(v, ARRAY_LEN(v));
	a->link = a->sys_links[0] = a->sys_links[1] = a->exec_link = NULL;
	a->parts = 0;
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
	attach_own_done(a);
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
