#include "capture/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "capture/attach.h"
#include "capture/budget.h"
#include "capture/calib.h"
#include "capture/golive.h"
#include "capture/hosted.h"
#include "capture/price.h"
#include "capture/snapshot.h"
#include "proc/maps.h"
#include "proc/mem.h"

enum {
	RING_TOTAL = 64 * 1024 * 1024, /* all CPUs together, unless asked otherwise */
	RING_MIN = 256 * 1024,
	RING_MAX = 16 * 1024 * 1024,   /* of one CPU */
	HEAP_PERIOD_NS = 200 * 1000,   /* between two heap samples */
	CLOCK_PERIOD_NS = 1000 * 1000 * 1000,
	SNAP_POLL = 256, /* snapshot records between two looks at the rings */
	OTHERS_SYSCALLS_MAX = 300 * 1000, /* a second and CPU: 4 % of each */
	OWN_SYSCALLS_MIN = 10 * 1000, /* a second: with fewer, what they save is under 1 % of a CPU */
	INT3 = 0xcc,	 /* what a probe of someone else's looks like in memory */
	CALL = 0xe8,
	NOP5_FIRST = 0x0f, /* 0f 1f 44 00 00 */
	NOP5_LEN = 5,
};

/* sys_enter and sys_exit need the kernel's own types. */
#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

struct capture {
	struct capture_opts opts;
	struct target target;
	bool have_target;
	struct image *img;
	uint64_t bias;
	struct plan plan;
	struct livecheck live;
	struct attach_features features;
	enum plan_syscalls syscalls; /* as chosen */
	struct price price;
	enum plan_rung rung;
	unsigned parts; /* that may be attached at all */
	uint64_t switch_ns; /* that probes were there without being watched, at attaching and detaching */
	struct mem_process mem_process;
	struct mem mem;
	struct golive golive;
	struct attach *attach;
	struct capture_sink sink;
	struct rings_sums last_sums; /* after detaching */
	uint64_t clock_ns; /* when the clock was told last */
	uint32_t snap_cnt;
	size_t ring_bytes;
};

static uint64_t clock_now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* By the clock that a Go program's times are from as well (tools/bench, gaps.go). */
static void debug_span(const char *what, uint64_t begin_ns)
{
	uint64_t end_ns = clock_now(CLOCK_MONOTONIC);

	log_debug("%s in %.1f ms, monotonic %llu to %llu ns", what,
		  (double)(end_ns - begin_ns) / 1e6, (unsigned long long)begin_ns,
		  (unsigned long long)end_ns);
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

static struct attach_who capture_who(const struct capture *c)
{
	return (struct attach_who){ .pidns_dev = c->target.pidns_dev,
				    .pidns_ino = c->target.pidns_ino,
				    .tgid = (uint32_t)c->target.ns_pid };
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

/* ---- live ---- */

/* Each CPU's part, a power of two. */
static size_t ring_bytes(const struct capture_opts *o)
{
	size_t total = o->ring_bytes ? o->ring_bytes : RING_TOTAL;
	size_t each = total / (size_t)sysconf(_SC_NPROCESSORS_CONF), n = RING_MIN;

	while (n * 2 <= each && n < RING_MAX)
		n *= 2;
	return n;
}

/* A record of our own. */
static int deliver_own(struct capture *c, unsigned hook, uint64_t ts, uint64_t x, uint64_t y)
{
	struct rec r = { .len = sizeof(r), .hook = (uint8_t)hook, .ts = ts, .x = x, .y = y };

	return c->sink.take(c->sink.ctx, &r);
}

static int deliver_clock(struct capture *c)
{
	uint64_t mono = clock_now(CLOCK_MONOTONIC);

	c->clock_ns = mono;
	return deliver_own(c, HOOK_CLOCK, mono, clock_now(CLOCK_REALTIME), 0);
}

/*
 * Where injectglist calls the runtime's own tracer, as a return address in the process: a wake-up's
 * stack names that line. 0 if there is none.
 */
static uint64_t capture_inject_pc(const struct capture *c)
{
	struct site_list l = { 0 };
	uint64_t pc = 0;

	if (image_site_calls(c->img, "runtime.traceLocker.GoUnpark", "runtime.injectglist", false,
			     &l, NULL) > 0)
		pc = l.v[0].va + l.v[0].len + c->bias;
	site_list_done(&l);
	return pc;
}

/* The wait reasons by which the programs know a GC worker (struct bpf_config). */
static void gc_worker_reasons(const struct image *img, uint8_t ret[4])
{
	static const char *const names[] = { "GC worker (idle)", "GC worker (active)" };
	const char *const *t;
	size_t n;

	memset(ret, 255, 4);
	if (image_table_get(img, TABLE_WAIT_REASONS, &t, &n) < 0)
		return;
	for (size_t i = 0; i < n && i < 255; i++)
		for (size_t k = 0; k < ARRAY_LEN(names); k++)
			if (strcmp(t[i], names[k]) == 0)
				ret[k] = (uint8_t)i;
}

static void capture_calibrate(struct capture *c, int64_t tls_g)
{
	const struct calib k = {.attach = c->attach,
				.plan = &c->plan,
				.layout = c->golive.lay,
				.tracepoints = c->syscalls == SYSCALLS_TRACEPOINT,
				.pidns = c->target.pidns_ino != 0,
				.tls_g = tls_g};
	uint64_t begin = clock_now(CLOCK_MONOTONIC);
	int err;

	price_guess(&c->features, &c->plan, k.tracepoints, &c->price);
	err = calib_run(&k, &c->price);
	attach_own_done(c->attach);
	attach_close_later(c->features.link_fd);
	c->features.link_fd = -1;
	log_debug("prices %s in %.1f ms: execute %u ns, park %u, ready %u (%u without a stack), "
		  "syscall %u + %u, traced 2 * %u, let go 2 * %u, an idle hit %u; cold %.2f of that",
		  err ? "guessed" : "measured", (double)(clock_now(CLOCK_MONOTONIC) - begin) / 1e6,
		  c->price.hit_ns[HOOK_EXECUTE], c->price.hit_ns[HOOK_PARK],
		  c->price.hit_ns[HOOK_READY], c->price.plain_wake_ns,
		  c->price.hit_ns[HOOK_SYSCALL_ENTER], c->price.hit_ns[HOOK_SYSCALL_EXIT],
		  c->price.traced_ns, c->price.passed_ns, c->price.idle_ns, c->price.cold);
}

static enum plan_rung rung_of(enum rec_plan plan)
{
	return plan == REC_PLAN_LEAN ? RUNG_LEAN : plan == REC_PLAN_STOP ? RUNG_STOP : RUNG_FULL;
}

/* Loads and attaches; nothing is armed. */
static int capture_attach(struct capture *c, struct diag *d)
{
	struct attach_opts o = {
		.pidns_ino = c->target.pidns_ino,
		.go_minor = image_get_info(c->img)->version.minor,
		.layout = c->golive.lay,
		.gccontroller = c->golive.gccontroller,
		.inject_pc = capture_inject_pc(c),
		.gopark_pc = c->plan.gopark_pc ? c->plan.gopark_pc + c->bias : 0,
		.heap_period_ns = HEAP_PERIOD_NS,
		.ring_bytes = ring_bytes(&c->opts),
	};
	char path[64];
	struct attach_who who = capture_who(c);
	uint64_t begin_ns;
	int err;

	gc_worker_reasons(c->img, o.gcworker);
	o.tracepoints = c->syscalls == SYSCALLS_TRACEPOINT;
	if (image_tls_g(c->img, &o.tls_g) < 0)
		o.tls_g = -8;
	c->ring_bytes = o.ring_bytes;
	err = attach_load(&o, &c->attach, d);
	if (err < 0)
		return err;
	capture_calibrate(c, o.tls_g);
	attach_set_who(c->attach, &who);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", c->target.exe_fd);
	c->rung = rung_of(c->opts.plan);
	attach_name_parks(c->attach, c->opts.plan == REC_PLAN_STOP);
	c->parts = ~0U;
	if (!capture_sees_syscalls(c))
		c->parts &= ~(1U << PART_SYSCALLS);
	begin_ns = clock_now(CLOCK_MONOTONIC);
	err = attach_link(c->attach,
			  &(struct attach_target){.plan = &c->plan, .pid = c->target.pid,
						  .exe_path = path,
						  .parts = plan_rung_parts(c->rung) & c->parts},
			  d);
	if (err < 0)
		return diag_prefix(d, err, "pid %d", c->target.pid);
	debug_span("attached", begin_ns);
	return 0;
}

int capture_try(struct capture *c, struct diag *d)
{
	int err = capture_attach(c, d);

	attach_free(c->attach);
	c->attach = NULL;
	return err;
}

int capture_start(struct capture *c, const struct capture_sink *sink, struct diag *d)
{
	int err;

	c->sink = *sink; /* capture_stop delivers, whatever fails from here on */
	err = capture_attach(c, d);
	if (err < 0)
		return err;
	err = deliver_clock(c);
	if (!err && c->opts.plan)
		err = deliver_own(c, HOOK_PLAN, clock_now(CLOCK_MONOTONIC), c->opts.plan, 0);
	if (err)
		return err;
	attach_arm(c->attach, true);
	return 0;
}

static int deliver(struct capture *c, bool final, struct diag *d)
{
	struct rings *rings = attach_rings(c->attach);
	const struct rec *r;
	struct rings_loss loss;
	int err = rings_scan(rings, clock_now(CLOCK_MONOTONIC), final, d);

	while (!err && (r = rings_next(rings, &loss))) {
		if (loss.cnt)
			err = deliver_own(c, HOOK_LOST, loss.ts, loss.cnt, loss.cpu);
		if (!err)
			err = c->sink.take(c->sink.ctx, r);
	}
	rings_release(rings);
	return err;
}

bool capture_execed(const struct capture *c)
{
	return c->attach && attach_execed(c->attach);
}

int capture_poll(struct capture *c, struct diag *d)
{
	int err = deliver(c, false, d);

	if (!err && clock_now(CLOCK_MONOTONIC) - c->clock_ns >= CLOCK_PERIOD_NS)
		err = deliver_clock(c);
	return err;
}

/* The snapshot of many goroutines takes a while: the rings must not fill meanwhile. */
static int take_snap(void *ctx, const struct rec *r)
{
	struct capture *c = ctx;
	int err = 0;

	if (++c->snap_cnt % SNAP_POLL == 0)
		err = deliver(c, false, NULL);
	return err ? err : c->sink.take(c->sink.ctx, r);
}

int capture_snapshot(struct capture *c, struct diag *d)
{
	struct snapshot_stats st;
	int err = snapshot_take(&c->golive, take_snap, c, &st, d);

	log_debug("snapshot: %llu goroutines, %llu Ms, %llu stacks in %.1f ms",
		  (unsigned long long)st.gs, (unsigned long long)st.ms,
		  (unsigned long long)st.stacks, (double)(st.end_ns - st.start_ns) / 1e6);
	return err;
}

static int deliver_note(struct capture *c, uint64_t ts, const char *text)
{
	struct {
		struct rec r;
		char text[REC_NOTE_MAX];
	} n = { .r = { .len = sizeof(n), .hook = HOOK_NOTE, .ts = ts } };

	n.r.x = strnlen(text, REC_NOTE_MAX);
	memcpy(n.text, text, n.r.x);
	return c->sink.take(c->sink.ctx, &n.r);
}

/* What was recorded up to now, then the plan from now on. */
static int deliver_plan(struct capture *c, enum plan_rung rung, uint64_t flags, struct diag *d)
{
	uint64_t now = clock_now(CLOCK_MONOTONIC);
	int err = deliver(c, false, d);

	return err ? err
		   : deliver_own(c, HOOK_PLAN, now, plan_rung_plan(rung), REC_PLAN_STEP | flags);
}

static int capture_switch(struct capture *c, enum plan_rung rung, struct diag *d)
{
	uint64_t begin = clock_now(CLOCK_MONOTONIC), took;
	int err;

	attach_plain_wakes(c->attach, budget_plain(rung, rung_of(c->opts.plan)));
	attach_name_parks(c->attach, plan_rung_plan(rung) == REC_PLAN_STOP);
	err = attach_switch(c->attach, plan_rung_parts(rung) & c->parts, d);
	took = clock_now(CLOCK_MONOTONIC) - begin;
	c->switch_ns += took;
	log_debug("probes switched to %s in %.1f ms", plan_rung_name(rung), (double)took / 1e6);
	return err;
}

/* The pause begins when the programs stop, not when the last probe is gone. */
static int capture_pause(struct capture *c, const char *note, struct diag *d)
{
	uint64_t begin;
	int err;

	attach_arm(c->attach, false);
	begin = clock_now(CLOCK_MONOTONIC);
	err = capture_switch(c, RUNG_PAUSED, d);
	if (!err)
		err = deliver(c, true, d);
	if (!err)
		err = deliver_note(c, begin, note);
	return err ? err
		   : deliver_own(c, HOOK_PLAN, begin, plan_rung_plan(RUNG_PAUSED),
				 REC_PLAN_STEP | REC_PLAN_PAUSED);
}

static int capture_resume(struct capture *c, enum plan_rung rung, struct diag *d)
{
	int err = capture_switch(c, rung, d);

	if (!err)
		err = deliver_clock(c);
	if (!err)
		err = deliver_plan(c, rung, REC_PLAN_RESUMED, d);
	if (err)
		return err;
	if (attach_execed(c->attach))
		return 0; /* another program by now: capture_execed says so */
	attach_arm(c->attach, true);
	return capture_snapshot(c, d);
}

int capture_step(struct capture *c, enum plan_rung rung, const char *note, struct diag *d)
{
	enum plan_rung was = c->rung;
	int err;

	c->rung = rung;
	if (rung == RUNG_PAUSED)
		return capture_pause(c, note, d);
	if (was == RUNG_PAUSED) {
		err = capture_resume(c, rung, d);
	} else {
		err = capture_switch(c, rung, d);
		if (!err)
			err = deliver_plan(c, rung, 0, d);
	}
	return err ? err : deliver_note(c, clock_now(CLOCK_MONOTONIC), note);
}

int capture_stop(struct capture *c, enum rec_end end, int status, struct diag *d)
{
	uint64_t begin_ns = clock_now(CLOCK_MONOTONIC);
	int err;

	if (!c->attach)
		return 0;
	attach_arm(c->attach, false);
	attach_unlink(c->attach); /* waits for running programs */
	debug_span("detached", begin_ns);
	err = deliver(c, true, d);
	rings_sum(attach_rings(c->attach), &c->last_sums);
	if (!err)
		err = deliver_own(c, HOOK_END, clock_now(CLOCK_MONOTONIC), end,
				  (uint64_t)(int64_t)status);
	attach_free(c->attach);
	c->attach = NULL;
	return err;
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
