#include "capture/calib.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"

enum {
	WARM = 16,     /* the first hit of a nop patches it, the first stack is told whole */
	ROUND = 50,
	ROUNDS = 7,
	FRAMES = 8,    /* of the stack that is walked; a typical one has 5 to 12 */
	ALIGN = 4096,
	ARENA = 256 * 1024, /* a g, an m and a p (the largest p has 11 KiB), a stack */
	AT_M = 16 * 1024,
	AT_P = 64 * 1024,
	AT_TLS = 160 * 1024,
	AT_STACK = 192 * 1024, /* what lies below is for signal handlers */
	AT_FRAMES = 240 * 1024,
	AT_TOP = 248 * 1024,
	STUB_LEN = 16,
	STUBS = 16,    /* of each kind: .rept below */
	TLS_ROOM = 4096, /* below the fs base, for g's place */
	EVICT = 2 * 1024 * 1024, /* more than a core's own caches hold */
	COLD_ROUNDS = 5,
};

/* The hooks that can be hot; the others cost what the like of them does (price_fill). */
static const uint8_t hot[] = {
	HOOK_EXECUTE,	    HOOK_PARK,	       HOOK_READY,	 HOOK_INJECT,  HOOK_CREATE,
	HOOK_GOSCHED,	    HOOK_EXIT,	       HOOK_ACQUIRE,	 HOOK_RELEASE, HOOK_CALL,
	HOOK_SYSCALL_ENTER, HOOK_SYSCALL_EXIT, HOOK_SYSCALL_NOP,
};
_Static_assert(ARRAY_LEN(hot) <= STUBS, "a stub for each hot hook");

#if defined(__x86_64__)
/* What a probed function's registers hold: Go's register ABI. */
struct calib_regs {
	uint64_t ax, bx, cx, di, si, g, fp, sp;
};

/*
 * One instruction of each kind for each hot hook; calib_call calls one n times; calib_syscalls makes
 * n system calls of a thread whose local storage is at fs and whose goroutine is g, in the frame at fp,
 * without touching any C code meanwhile. Both do so on the stack at sp.
 */
__asm__(".pushsection .text\n"
	".balign 64\n"
	"calib_pushes:\n"
	".rept 16\n"
	"	.balign 16\n"
	"	push %rbp\n"
	"	pop %rbp\n"
	"	ret\n"
	".endr\n"
	".balign 64\n"
	"calib_nops:\n"
	".rept 16\n"
	"	.balign 16\n"
	"	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
	"	ret\n"
	".endr\n"
	".balign 64\n"
	".type calib_call, @function\n"
	"calib_call:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, %r15\n"
	"	mov %rsi, %r12\n"
	"	mov %rdx, %r13\n"
	"	mov (%rdi), %rax\n"
	"	mov 8(%rdi), %rbx\n"
	"	mov 16(%rdi), %rcx\n"
	"	mov 32(%rdi), %rsi\n"
	"	mov 40(%rdi), %r14\n"
	"	mov 48(%rdi), %rbp\n"
	"	mov 56(%rdi), %rsp\n"
	"	mov 24(%rdi), %rdi\n"
	"1:	xor %r11d, %r11d\n" /* equal: not locked (COOKIE_LOCKED_SKIP) */
	"	call *%r12\n"
	"	dec %r13\n"
	"	jnz 1b\n"
	"	mov %r15, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".type calib_syscalls, @function\n"
	"calib_syscalls:\n"
	"	push %rbp\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, %r15\n"
	"	lea -16(%rcx), %rsp\n"
	"	mov %rdi, %r12\n"
	"	mov %rsi, %r14\n"
	"	mov %r8, %rbp\n"
	"	mov %rdx, %r13\n"
	"	mov $158, %eax\n" /* arch_prctl(ARCH_GET_FS) */
	"	mov $0x1003, %edi\n"
	"	mov %rsp, %rsi\n"
	"	syscall\n"
	"	mov $158, %eax\n" /* ARCH_SET_FS */
	"	mov $0x1002, %edi\n"
	"	mov %r12, %rsi\n"
	"	syscall\n"
	"1:	mov $110, %eax\n" /* getppid */
	"	syscall\n"
	"	dec %r13\n"
	"	jnz 1b\n"
	"	mov $158, %eax\n"
	"	mov $0x1002, %edi\n"
	"	mov (%rsp), %rsi\n"
	"	syscall\n"
	"	mov %r15, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbp\n"
	"	ret\n"
	".popsection\n");
extern const uint8_t calib_pushes[], calib_nops[];
void calib_call(const struct calib_regs *r, uintptr_t fn, uint64_t n);
void calib_syscalls(uintptr_t fs, uint64_t g, uint64_t n, uint64_t sp, uint64_t fp);

struct fake {
	uint8_t *arena, *evict; /* owned */
	uint64_t g, list;
	struct calib_regs regs;
};

static void put(struct fake *f, size_t at, uint16_t off, uint64_t v)
{
	if (off != GOLAYOUT_NONE && at + off + sizeof(v) <= ARENA)
		memcpy(f->arena + at + off, &v, sizeof(v));
}

/* A goroutine on an M with a P, all of them each other's, and its stack. */
static void fake_fill(struct fake *f, const struct calib *c)
{
	const struct golayout *l = c->layout;
	uint64_t *words = (uint64_t *)(f->arena + AT_FRAMES);
	uint64_t m, p;

	f->g = (uint64_t)(uintptr_t)f->arena;
	m = f->g + AT_M;
	p = f->g + AT_P;
	f->list = f->g;
	for (size_t i = 0; i < FRAMES; i++) {
		words[i * 8] = i + 1 < FRAMES ? (uint64_t)(uintptr_t)&words[(i + 1) * 8] : 0;
		words[i * 8 + 1] = 0x400000 + i * 64;
	}
	if (c->sys.raw)
		words[1] = c->sys.raw; /* in RawSyscall6, which that function called */
	put(f, 0, 0, f->g + AT_STACK);
	put(f, 0, 8, f->g + AT_TOP);
	put(f, 0, l->g_m, m);
	put(f, 0, l->g_sched_sp, (uint64_t)(uintptr_t)words);
	put(f, 0, l->g_sched_pc, 0x400040);
	put(f, 0, l->g_sched_bp, (uint64_t)(uintptr_t)words);
	put(f, 0, l->g_syscallpc, c->sys.enter);
	put(f, 0, l->g_syscallsp, (uint64_t)(uintptr_t)words);
	put(f, 0, l->g_syscallbp, words[0]);
	put(f, 0, l->g_schedlink, 0);
	put(f, 0, l->g_goid, 1);
	put(f, AT_M, l->m_curg, f->g);
	put(f, AT_M, l->m_p, p);
	put(f, AT_M, l->m_oldp, p);
	f->regs = (struct calib_regs){.ax = f->g, .bx = f->g, .cx = f->g, .g = f->g,
				      .fp = (uint64_t)(uintptr_t)words,
				      .sp = (uint64_t)(uintptr_t)(words - 8)};
}

static void fake_status(struct fake *f, const struct calib *c, uint32_t status)
{
	memcpy(f->arena + c->layout->g_atomicstatus, &status, sizeof(status));
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t middle(uint64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

static uint64_t least(uint64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[0];
}

static uint32_t hit_ns(const struct fake *f, unsigned hook, uintptr_t fn)
{
	struct calib_regs r = f->regs;
	uint64_t ns[ROUNDS];

	if (hook == HOOK_INJECT)
		r.ax = (uint64_t)(uintptr_t)&f->list;
	calib_call(&r, fn, WARM);
	for (int i = 0; i < ROUNDS; i++) {
		ns[i] = clock_mono_ns();
		calib_call(&r, fn, ROUND);
		ns[i] = clock_mono_ns() - ns[i];
	}
	return (uint32_t)(least(ns, ROUNDS) / ROUND);
}

/* One hit after the core's caches were used for something else; the middle of some. */
static uint32_t cold_ns(const struct fake *f, unsigned hook, uintptr_t fn)
{
	struct calib_regs r = f->regs;
	uint64_t ns[COLD_ROUNDS], clock;

	if (hook == HOOK_INJECT)
		r.ax = (uint64_t)(uintptr_t)&f->list;
	for (int i = 0; i < COLD_ROUNDS; i++) {
		for (size_t k = 0; k < EVICT; k += 64)
			(void)*(volatile uint8_t *)(f->evict + k);
		clock = clock_mono_ns();
		ns[i] = clock_mono_ns();
		clock = ns[i] - clock; /* looking at it costs, too */
		calib_call(&r, fn, 1);
		ns[i] = clock_mono_ns() - ns[i];
		ns[i] -= clock < ns[i] ? clock : ns[i];
	}
	return (uint32_t)middle(ns, COLD_ROUNDS);
}

/* A system call in the frame at fp, in ns. */
static uint32_t syscall_ns(const struct fake *f, uint64_t fp)
{
	uintptr_t fs = (uintptr_t)f->arena + AT_TLS;
	uint64_t ns[ROUNDS];
	sigset_t all, was;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &was); /* no handler may run with another's local storage */
	calib_syscalls(fs, f->g, WARM, f->regs.sp, fp);
	for (int i = 0; i < ROUNDS; i++) {
		ns[i] = clock_mono_ns();
		calib_syscalls(fs, f->g, ROUND, f->regs.sp, fp);
		ns[i] = clock_mono_ns() - ns[i];
	}
	sigprocmask(SIG_SETMASK, &was, NULL);
	return (uint32_t)(least(ns, ROUNDS) / ROUND);
}

/* The site that most of a hook's hits pass: its nop if it has one, else the first. */
static const struct plan_site *main_site(const struct plan *p, unsigned hook)
{
	const struct plan_site *s = NULL;

	for (size_t i = 0; i < p->site_cnt; i++)
		if ((p->sites[i].cookie & 0xff) == hook &&
		    (!s || (s->site.kind != SITE_NOP5 && p->sites[i].site.kind == SITE_NOP5)))
			s = &p->sites[i];
	return s;
}

struct stubs {
	uintptr_t fn[ARRAY_LEN(hot)];
	unsigned long offs[ARRAY_LEN(hot)];
	uint64_t cookies[ARRAY_LEN(hot)];
	size_t cnt;
};

static int stubs_attach(const struct calib *c, struct stubs *s)
{
	for (size_t i = 0; i < ARRAY_LEN(hot); i++) {
		const struct plan_site *site = main_site(c->plan, hot[i]);
		const uint8_t *fn = site && site->site.kind == SITE_NOP5 ? calib_nops : calib_pushes;
		int err;

		if (!site)
			continue;
		s->fn[s->cnt] = (uintptr_t)fn + i * STUB_LEN;
		err = attach_own_offset(s->fn[s->cnt], &s->offs[s->cnt]);
		if (err < 0)
			return err;
		s->cookies[s->cnt++] = site->cookie;
	}
	return s->cnt ? attach_own(c->attach, s->offs, s->cookies, s->cnt) : -ENOENT;
}

static void measure_probes(const struct calib *c, const struct fake *f, const struct stubs *s,
			   struct price *p)
{
	uint64_t hot_sum = 0, cold_sum = 0;

	p->idle_ns = hit_ns(f, HOOK_EXIT, s->fn[0]);
	attach_arm(c->attach, true);
	for (size_t i = 0; i < s->cnt; i++) {
		unsigned hook = (uint8_t)s->cookies[i];

		p->hit_ns[hook] = hit_ns(f, hook, s->fn[i]);
		hot_sum += p->hit_ns[hook];
		cold_sum += cold_ns(f, hook, s->fn[i]);
		if (hook != HOOK_READY)
			continue;
		attach_plain_wakes(c->attach, true);
		p->plain_wake_ns = hit_ns(f, hook, s->fn[i]);
		attach_plain_wakes(c->attach, false);
	}
	p->cold = cold_sum > hot_sum ? (double)cold_sum / (double)hot_sum : 1;
	p->skipped_ns = p->hit_ns[HOOK_EXIT] ? p->hit_ns[HOOK_EXIT] : p->idle_ns;
}

/* A syscall is two hits; what both add is shared out evenly: they come in pairs. */
static void measure_syscalls(const struct calib *c, struct fake *f, uint32_t bare, struct price *p)
{
	uint32_t ns;

	fake_status(f, c, GST_SYSCALL);
	ns = syscall_ns(f, f->regs.fp);
	p->traced_ns = ns > bare ? (ns - bare) / 2 : 1;
	fake_status(f, c, GST_RUNNING);
	ns = syscall_ns(f, 0);
	p->passed_ns = ns > bare ? (ns - bare) / 2 : 1;
}

static int calib_with(const struct calib *c, struct fake *f, struct price *ret)
{
	bool syscalls = c->tracepoints && c->tls_g < 0 && c->tls_g >= -TLS_ROOM;
	struct price p = {.measured = true};
	struct rings_sums sums;
	struct stubs s = {0};
	uint32_t bare = 0;
	int err;

	if (syscalls) {
		put(f, AT_TLS - TLS_ROOM, (uint16_t)(TLS_ROOM + c->tls_g), f->g);
		bare = syscall_ns(f, 0);
	}
	err = c->tracepoints ? attach_tracepoints(c->attach, NULL) : 0;
	if (!err)
		err = stubs_attach(c, &s);
	if (err < 0)
		return err;
	fake_status(f, c, GST_RUNNING);
	measure_probes(c, f, &s, &p);
	if (syscalls)
		measure_syscalls(c, f, bare, &p);
	else
		p.traced_ns = ret->traced_ns, p.passed_ns = ret->passed_ns;
	attach_arm(c->attach, false);
	rings_sum(attach_rings(c->attach), &sums);
	if (!sums.bytes)
		return -ENOTSUP; /* the programs did not know us */
	price_fill(&p);
	*ret = p;
	return 0;
}

int calib_run(const struct calib *c, struct price *p)
{
	struct attach_who who = {.tgid = (uint32_t)getpid()};
	struct fake f = {0};
	struct stat st;
	int err;

	if (c->pidns && stat("/proc/self/ns/pid", &st) < 0)
		return -ENOTSUP;
	if (c->pidns) {
		who.pidns_dev = st.st_dev;
		who.pidns_ino = st.st_ino;
	}
	f.arena = aligned_alloc(ALIGN, ARENA);
	f.evict = malloc(EVICT);
	if (!f.arena || !f.evict) {
		free(f.arena);
		free(f.evict);
		return -ENOMEM;
	}
	/* Pages of their own, all there: a probe's reads cannot bring one in. */
	memset(f.arena, 0, ARENA);
	memset(f.evict, 1, EVICT);
	attach_set_who(c->attach, &who);
	fake_fill(&f, c);
	err = calib_with(c, &f, p);
	attach_arm(c->attach, false);
	attach_set_who(c->attach, &(struct attach_who){0});
	attach_forget(c->attach);
	free(f.arena);
	free(f.evict);
	return err;
}
#else
int calib_run(const struct calib *c, struct price *p)
{
	(void)c;
	(void)p;
	return -ENOTSUP;
}
#endif
