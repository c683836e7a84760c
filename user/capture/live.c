/*
 * live.c - a recording from attaching to its end: records of the rings, of the snapshot, of our own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "capture/calib.h"
#include "capture/inside.h"
#include "capture/note.h"
#include "capture/snapshot.h"

enum {
	RING_TOTAL = 64 * 1024 * 1024, /* all CPUs together, unless asked otherwise */
	RING_MIN = 256 * 1024,
	RING_MAX = 16 * 1024 * 1024, /* of one CPU */
	HEAP_PERIOD_NS = 200 * 1000, /* between two heap samples */
	CLOCK_PERIOD_NS = 1000 * 1000 * 1000,
	SNAP_POLL = 256, /* snapshot records between two looks at the rings */
};

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
int deliver_own(struct capture *c, unsigned hook, uint64_t ts, uint64_t x, uint64_t y)
{
	struct rec r = { .len = sizeof(r), .hook = (uint8_t)hook, .ts = ts, .x = x, .y = y };

	return c->sink.take(c->sink.ctx, &r);
}

int deliver_note(struct capture *c, uint64_t ts, const char *text)
{
	struct note n;

	note_make(ts, text, &n);
	return c->sink.take(c->sink.ctx, &n.r);
}

int deliver_clock(struct capture *c)
{
	uint64_t mono = clock_mono_ns();

	c->clock_ns = mono;
	return deliver_own(c, HOOK_CLOCK, mono, clock_ns(CLOCK_REALTIME), 0);
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

/* What a hit costs; with it, the probes in our own program have done their work. */
static void capture_calibrate(struct capture *c, const struct attach_opts *o)
{
	const struct calib k = {.attach = c->attach,
				.plan = &c->plan,
				.layout = c->golive.lay,
				.tracepoints = c->syscalls == SYSCALLS_TRACEPOINT,
				.pidns = c->target.pidns_ino != 0,
				.tls_g = o->tls_g,
				.sys = o->sys[0]};
	uint64_t begin = clock_mono_ns();
	int err;

	price_guess(&c->features, &c->plan, k.tracepoints, &c->price);
	err = calib_run(&k, &c->price);
	attach_own_done(c->attach);
	attach_close_later(c->features.link_fd);
	c->features.link_fd = -1;
	log_debug("prices %s in %.1f ms: execute %u ns, park %u, ready %u (%u without a stack), "
		  "syscall %u + %u, traced 2 * %u, let go 2 * %u, an idle hit %u; cold %.2f of that",
		  err ? "guessed" : "measured", (double)(clock_mono_ns() - begin) / 1e6,
		  c->price.hit_ns[HOOK_EXECUTE], c->price.hit_ns[HOOK_PARK],
		  c->price.hit_ns[HOOK_READY], c->price.plain_wake_ns,
		  c->price.hit_ns[HOOK_SYSCALL_ENTER], c->price.hit_ns[HOOK_SYSCALL_EXIT],
		  c->price.traced_ns, c->price.passed_ns, c->price.idle_ns, c->price.cold);
}

/* Where the target's goroutines are in system calls: both places, twice the one there is, or none. */
static void syscall_places(const struct capture *c, struct syscall_pcs ret[2])
{
	static const char *const funcs[] = { "syscall.Syscall", "syscall.Syscall6" };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(funcs); i++) {
		if (image_syscall_pcs(c->img, funcs[i], &ret[n], NULL) < 0)
			continue;
		ret[n].enter += c->bias;
		ret[n++].raw += c->bias;
	}
	if (n == 1)
		ret[1] = ret[0];
}

/* What newproc1 puts behind a new goroutine's own function: one instruction into goexit. */
static uint64_t goexit_pc(const struct capture *c)
{
	struct image_func f;

	/* Elsewhere frames lie otherwise (OUTERMOST_FRAME). */
	if (image_get_info(c->img)->arch != IMAGE_AMD64 ||
	    image_func_find(c->img, "runtime.goexit", &f) < 0)
		return 0;
	return f.entry_va + 1 + c->bias;
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
		.goexit_pc = goexit_pc(c),
		.heap_period_ns = HEAP_PERIOD_NS,
		.ring_bytes = ring_bytes(&c->opts),
	};
	char path[64];
	struct attach_who who = capture_who(c);
	uint64_t begin_ns;
	int err;

	if (o.go_minor >= CALLBACK_MINOR && c->golive.arch == IMAGE_AMD64) {
		o.callback = c->golive.callback;
		o.ecallback = c->golive.ecallback;
	}
	gc_worker_reasons(c->img, o.gcworker);
	o.tracepoints = c->syscalls == SYSCALLS_TRACEPOINT;
	syscall_places(c, o.sys);
	if (image_tls_g(c->img, &o.tls_g) < 0)
		o.tls_g = -8;
	c->ring_bytes = o.ring_bytes;
	err = attach_load(&o, &c->attach, d);
	if (err < 0)
		return err;
	capture_calibrate(c, &o);
	attach_set_who(c->attach, &who);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", c->target.exe_fd);
	c->rung = rung_of(c->opts.plan);
	attach_name_parks(c->attach, c->opts.plan == REC_PLAN_STOP);
	c->parts = ~0U;
	if (!capture_sees_syscalls(c))
		c->parts &= ~(1U << PART_SYSCALLS);
	begin_ns = clock_mono_ns();
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

/* A trace that holds less than all says so from its beginning. */
static int deliver_first_plan(struct capture *c)
{
	bool no_syscalls = c->opts.syscalls == SYSCALLS_OFF;
	uint64_t now = clock_mono_ns();
	char text[80];
	int err = c->opts.plan ? deliver_own(c, HOOK_PLAN, now, c->opts.plan, 0) : 0;

	if (err || (!c->opts.plan && !no_syscalls))
		return err;
	snprintf(text, sizeof(text), "plan: %s%s", plan_rung_name(c->rung), no_syscalls ? ", system calls off" : "");
	return deliver_note(c, now, text);
}

int capture_start(struct capture *c, const struct capture_sink *sink, struct diag *d)
{
	c->sink = *sink; /* capture_stop delivers, whatever fails from here on */
	return capture_attach(c, d);
}

int capture_arm(struct capture *c)
{
	int err = deliver_clock(c);

	if (!err)
		err = deliver_first_plan(c);
	if (!err)
		attach_arm(c->attach, true);
	return err;
}

/* The plan from the moment of the turn on, before the first record that is later. */
int deliver_turn(struct capture *c)
{
	const struct turn t = c->turn;

	c->turn = (struct turn){ 0 };
	return deliver_own(c, HOOK_PLAN, t.ts, t.plan, t.flags);
}

int deliver(struct capture *c, bool final, struct diag *d)
{
	struct rings *rings = attach_rings(c->attach);
	const struct rec *r;
	struct rings_loss loss;
	int err = rings_scan(rings, clock_mono_ns(), final, d);

	while (!err && (r = rings_next(rings, &loss))) {
		if (c->turn.ts && r->ts >= c->turn.ts)
			err = deliver_turn(c);
		if (!err && loss.cnt)
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

	if (!err && clock_mono_ns() - c->clock_ns >= CLOCK_PERIOD_NS)
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

int capture_stop(struct capture *c, enum rec_end end, int status, struct diag *d)
{
	uint64_t begin_ns = clock_mono_ns();
	int err;

	if (!c->attach)
		return 0;
	attach_arm(c->attach, false);
	attach_unlink(c->attach); /* waits for running programs */
	debug_span("detached", begin_ns);
	err = deliver(c, true, d);
	rings_sum(attach_rings(c->attach), &c->last_sums);
	if (!err)
		err = deliver_own(c, HOOK_END, clock_mono_ns(), end,
				  (uint64_t)(int64_t)status);
	attach_free(c->attach);
	c->attach = NULL;
	return err;
}
