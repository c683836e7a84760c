#include "capture/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "capture/budget.h"
#include "capture/hosted.h"
#include "capture/inside.h"
#include "proc/maps.h"

enum {
	OTHERS_SYSCALLS_MAX = 300 * 1000, /* a second and CPU: 4 % of each */
	OWN_SYSCALLS_MIN = 10 * 1000, /* a second: with fewer, what they save is under 1 % of a CPU */
	INT3 = 0xcc,	 /* what a probe of someone else's looks like in memory */
	CALL = 0xe8,
	NOP5_FIRST = 0x0f, /* 0f 1f 44 00 00 */
	NOP5_LEN = 5,
};

/* sys_enter and sys_exit need the kernel's own types. */
#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

/* By the clock that a Go program's times are from as well (tools/bench, gaps.go). */
void debug_span(const char *what, uint64_t begin_ns)
{
	uint64_t end_ns = clock_mono_ns();

	log_debug("%s in %.1f ms, monotonic %llu to %llu ns", what,
		  (double)(end_ns - begin_ns) / 1e6, (unsigned long long)begin_ns,
		  (unsigned long long)end_ns);
}

struct attach_who capture_who(const struct capture *c)
{
	return (struct attach_who){ .pidns_dev = c->target.pidns_dev,
				    .pidns_ino = c->target.pidns_ino,
				    .tgid = (uint32_t)c->target.ns_pid };
}

enum plan_rung rung_of(enum rec_plan plan)
{
	return plan == REC_PLAN_LEAN ? RUNG_LEAN : plan == REC_PLAN_STOP ? RUNG_STOP : RUNG_FULL;
}

/* ---- before anything is touched ---- */

static int capture_identify(struct capture *c, int pid, struct diag *d)
{
	struct maps maps;
	int err = target_open(pid, &c->target, d);

	if (err < 0)
		return err;
	c->have_target = true;
	if (!c->target.native)
		return diag_set(d, -ENOTSUP,
				"pid %d: %s is a binary of another architecture than this machine's",
				pid, c->target.exe);
	err = image_open(c->target.exe_fd, c->target.exe, &c->img, d);
	if (err == -ENOTSUP && hosted_find(&c->target, d) < 0)
		return err;
	if (err < 0)
		return diag_prefix(d, err, "pid %d", pid);
	err = maps_read(&c->target, &maps, d);
	if (err < 0)
		return err;
	err = maps_exe_bias(&maps, &c->target, &c->bias, d);
	maps_done(&maps);
	return err;
}

/* The code at every site must be what the file says: else a probe would cut an instruction. */
static int capture_compare(struct capture *c, struct diag *d)
{
	size_t others = 0;

	for (size_t i = 0; i < c->plan.site_cnt; i++) {
		const struct site *s = &c->plan.sites[i].site;
		uint8_t b[sizeof(s->bytes)];
		int err = mem_read(&c->mem, s->va + c->bias, b, s->len);

		if (err < 0)
			return diag_set(d, err, "pid %d: cannot read its code at %s: %s",
					c->target.pid, s->func, strerror(-err));
		if (memcmp(b, s->bytes, s->len) == 0)
			continue;
		/* From 6.18 on the kernel makes a probe on a five-byte nop a call. */
		if ((b[0] == INT3 && memcmp(b + 1, s->bytes + 1, (size_t)s->len - 1) == 0) ||
		    (b[0] == CALL && s->len == NOP5_LEN && s->bytes[0] == NOP5_FIRST)) {
			if (!others++)
				log_warn("another tracer has probes in this process (%s, ...); both "
					 "will work, at both's cost",
					 s->func);
			continue;
		}
		return diag_set(d, -EBADMSG,
				"pid %d: its code in %s differs from its file; it was patched or "
				"the file overwritten in place: restart the process, then record",
				c->target.pid, s->func);
	}
	return 0;
}

/* The table's row, or for a newer patch release the newest row of its minor: the process decides. */
static const struct golayout *pick_layout(const struct capture *c)
{
	const struct image_info *info = image_get_info(c->img);
	const struct golayout *lay = image_get_layout(c->img);

	return lay ? lay
		   : golayout_candidate(info->arch, info->version.minor, info->version.patch);
}

/*
 * How syscalls are seen, if it is left to us. The kernel's tracepoints save the target some 0.8 us a
 * system call, but each hit of a patched nop and each call of the runtime's own pays for them, and so
 * does everybody else on the machine (docs/overhead.md). So they are for a target that makes many,
 * and for recordings that go on under a budget, whatever comes.
 */
static enum plan_syscalls pick_syscalls(const struct capture *c)
{
	uint64_t most = OTHERS_SYSCALLS_MAX * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	const struct attach_who who = capture_who(c);
	struct attach_rates rates;
	bool probes;

	if (c->opts.plan == REC_PLAN_LEAN)
		return SYSCALLS_OFF;
	if (c->opts.syscalls != SYSCALLS_AUTO)
		return c->opts.syscalls;
	if (image_get_info(c->img)->arch != IMAGE_AMD64 || access(KERNEL_BTF, R_OK) != 0 ||
	    attach_syscall_rate(&who, &rates) < 0) {
		log_debug("syscalls: by probes; the kernel's tracepoints cannot be used");
		return SYSCALLS_UPROBE;
	}
	probes = rates.others > most || (rates.own < OWN_SYSCALLS_MIN && !c->opts.steps);
	log_debug("syscalls: by %s; the target makes %llu a second, other processes %llu",
		  probes ? "probes" : "tracepoints", (unsigned long long)rates.own,
		  (unsigned long long)rates.others);
	return probes ? SYSCALLS_UPROBE : SYSCALLS_TRACEPOINT;
}

static int capture_prepare(struct capture *c, struct diag *d)
{
	const struct image_info *info = image_get_info(c->img);
	/* A budget's steps need every hook; the rung says which are attached. */
	struct plan_opts po = { .plan = c->opts.steps && c->opts.plan != REC_PLAN_LEAN
						? REC_PLAN_FULL
						: c->opts.plan,
				.calls = c->opts.calls,
				.call_cnt = c->opts.call_cnt };
	const struct golayout *lay = pick_layout(c);
	char experiment[GOLAYOUT_EXPERIMENT];
	int err;

	if (golayout_experiment(info->version.text, experiment))
		return diag_set(d, -ENOTSUP,
				"pid %d: built with GOEXPERIMENT=%s, which moves or may move what "
				"a recording reads: build it without",
				c->target.pid, experiment);
	if (!lay)
		return diag_set(d, -ENOTSUP,
				"pid %d: %s: no layout is known for this version; Go 1.19 to 1.27 "
				"are",
				c->target.pid, info->version.text);
	c->mem = mem_of_target(&c->mem_process, &c->target);
	err = golive_init(&c->golive, &c->mem, c->img, lay, c->bias, d);
	if (!err)
		err = livecheck_run(&c->golive, &c->target, &c->live, d);
	if (!err) {
		/* Without privileges it fails: check still shows the plan, capture_start says why. */
		(void)attach_probe_features(&c->features);
		po.nop5 = c->features.nop5_cheap;
		po.syscalls = c->syscalls = pick_syscalls(c);
		log_debug("an empty hit: push %u ns, nop5 %u ns", c->features.push_ns,
			  c->features.nop5_ns);
		err = plan_make(c->img, &po, &c->plan, d);
	}
	if (!err)
		err = capture_compare(c, d);
	if (!err && c->target.tracer_pid && !c->opts.allow_traced)
		return diag_set(d, -EBUSY,
				"pid %d: a debugger (pid %d) is attached; detach it, or record with "
				"--traced",
				c->target.pid, (int)c->target.tracer_pid);
	return err;
}

int capture_open(int pid, const struct capture_opts *opts, struct capture **ret, struct diag *d)
{
	struct capture *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return diag_set(d, -ENOMEM, "no memory");
	c->opts = *opts;
	c->features.link_fd = -1;
	err = capture_identify(c, pid, d);
	if (err < 0) {
		capture_free(c);
		return err;
	}
	*ret = c;
	return capture_prepare(c, d);
}

void capture_free(struct capture *c)
{
	if (!c)
		return;
	attach_free(c->attach);
	plan_done(&c->plan);
	image_free(c->img);
	if (c->have_target)
		target_done(&c->target);
	attach_close_later(c->features.link_fd);
	free(c);
}

/* ---- parts ---- */

const struct target *capture_target(const struct capture *c)
{
	return c->have_target ? &c->target : NULL;
}

const struct image *capture_image(const struct capture *c)
{
	return c->img;
}

const struct golayout *capture_layout(const struct capture *c)
{
	return c->golive.lay;
}

const struct plan *capture_plan(const struct capture *c)
{
	return &c->plan;
}

const struct livecheck *capture_live(const struct capture *c)
{
	return &c->live;
}

uint64_t capture_bias(const struct capture *c)
{
	return c->bias;
}

size_t capture_ring_bytes(const struct capture *c)
{
	return c->attach ? attach_ring_bytes(c->attach) : 0;
}

uint32_t capture_hit_ns(const struct capture *c, unsigned hook)
{
	return hook == HOOK_READY && budget_plain(c->rung, rung_of(c->opts.plan))
		       ? c->price.plain_wake_ns
		       : c->price.hit_ns[hook];
}

const struct price *capture_price(const struct capture *c)
{
	return &c->price;
}

enum plan_rung capture_rung(const struct capture *c)
{
	return c->rung;
}

uint64_t capture_switch_ns(const struct capture *c)
{
	return c->switch_ns;
}

bool capture_sees_syscalls(const struct capture *c)
{
	return c->syscalls != SYSCALLS_OFF;
}

void capture_sums(const struct capture *c, struct rings_sums *ret)
{
	if (c->attach)
		rings_sum(attach_rings(c->attach), ret);
	else
		*ret = c->last_sums;
}

double capture_fill(const struct capture *c)
{
	return c->ring_bytes ? (double)rings_fill(attach_rings(c->attach)) / (double)c->ring_bytes
			     : 0;
}
