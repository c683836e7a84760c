#include <bpf/bpf.h>
#include <errno.h>
#include <link.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/scope.h"
#include "capture/attach.h"

/*
 * The two instructions to compare. Never inlined, never at a page's end (the kernel patches a
 * five-byte nop only inside a page).
 */
#if defined(__x86_64__)
__asm__(".pushsection .text\n"
	".balign 64\n"
	".type feature_nop5, @function\n"
	"feature_nop5: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
	"	ret\n"
	".balign 16\n"
	".type feature_push, @function\n"
	"feature_push: push %rbp\n"
	"	pop %rbp\n"
	"	ret\n"
	".popsection\n");
void feature_nop5(void);
void feature_push(void);
#endif

enum {
	WARM_HITS = 64,	  /* the first hit of a nop5 patches it */
	ROUND_HITS = 200, /* one round; the quickest of ROUNDS counts: the others were disturbed */
	ROUNDS = 5,
	WIN_PERCENT = 85, /* a nop5 must cost less than this part of a push to be taken */
};

struct own_code {
	uintptr_t addr;
	uint64_t off;
	bool found;
};

/* dl_iterate_phdr's first object is the program itself. */
static int find_own(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct own_code *c = ctx;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type == PT_LOAD && c->addr >= start && c->addr - start < ph->p_filesz) {
			c->off = c->addr - start + ph->p_offset;
			c->found = true;
		}
	}
	return 1;
}

int attach_own_offset(uintptr_t addr, unsigned long *ret)
{
	struct own_code c = { .addr = addr };

	dl_iterate_phdr(find_own, &c);
	if (!c.found)
		return -ENOENT;
	*ret = c.off;
	return 0;
}

static uint32_t hit_ns(void (*fn)(void))
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < WARM_HITS; i++)
		fn();
	for (int r = 0; r < ROUNDS; r++) {
		uint64_t t = clock_mono_ns();

		for (int i = 0; i < ROUND_HITS; i++)
			fn();
		t = clock_mono_ns() - t;
		if (t < best)
			best = t;
	}
	return (uint32_t)(best / ROUND_HITS);
}

/* r0 = 0; exit */
static int load_empty(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = BPF_TRACE_UPROBE_MULTI);

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "gotrace_try", "GPL", insns, ARRAY_LEN(insns),
			     &o);
}

#if defined(__x86_64__)
int attach_probe_features(struct attach_features *ret)
{
	LIBBPF_OPTS(bpf_link_create_opts, o);
	unsigned long offs[2];
	SCOPED_FD int prog = -1;
	int link, err;

	*ret = (struct attach_features){ .link_fd = -1 };
	err = attach_own_offset((uintptr_t)feature_nop5, &offs[0]);
	if (!err)
		err = attach_own_offset((uintptr_t)feature_push, &offs[1]);
	if (err < 0)
		return err;
	prog = load_empty();
	if (prog < 0) {
		snprintf(ret->why, sizeof(ret->why), "cannot load a program: %s", strerror(-prog));
		return prog;
	}
	o.uprobe_multi.path = "/proc/self/exe";
	o.uprobe_multi.offsets = offs;
	o.uprobe_multi.cnt = ARRAY_LEN(offs);
	o.uprobe_multi.pid = (__u32)getpid();
	link = bpf_link_create(prog, 0, BPF_TRACE_UPROBE_MULTI, &o);
	if (link < 0) {
		snprintf(ret->why, sizeof(ret->why), "no uprobe.multi: %s", strerror(-link));
		return link;
	}
	ret->link_fd = link;
	ret->uprobe_multi = true;
	ret->push_ns = hit_ns(feature_push);
	ret->nop5_ns = hit_ns(feature_nop5);
	ret->nop5_cheap = ret->nop5_ns * 100ULL < ret->push_ns * (uint64_t)WIN_PERCENT;
	return 0;
}
#else
int attach_probe_features(struct attach_features *ret)
{
	*ret = (struct attach_features){ .link_fd = -1 };
	return -ENOTSUP;
}
#endif

enum { RATE_MS = 20 };

struct insns {
	struct bpf_insn v[48];
	size_t n;
};

static void put(struct insns *p, struct bpf_insn i)
{
	if (p->n < ARRAY_LEN(p->v))
		p->v[p->n++] = i;
}

static void put_call(struct insns *p, int32_t helper)
{
	put(p, (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = helper });
}

/* i.dst_reg = imm */
static void put_mov(struct insns *p, struct bpf_insn i, int32_t imm)
{
	i.code = BPF_ALU64 | BPF_MOV | BPF_K;
	i.imm = imm;
	put(p, i);
}

/* Two instructions: i.dst_reg = a constant of 64 bits or, by i.src_reg, a map's value at an offset. */
static void put_wide(struct insns *p, struct bpf_insn i, uint32_t lo, uint32_t hi)
{
	i.code = BPF_LD | BPF_DW | BPF_IMM;
	i.imm = (int32_t)lo;
	put(p, i);
	put(p, (struct bpf_insn){ .imm = (int32_t)hi });
}

#define TO(reg) ((struct bpf_insn){ .dst_reg = (reg) })

/* value[at]++; return 0 */
static void put_count(struct insns *p, int map_fd, uint32_t at)
{
	put_wide(p, (struct bpf_insn){ .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_VALUE },
		 (uint32_t)map_fd, at * 8);
	put_mov(p, TO(BPF_REG_2), 1);
	put(p, (struct bpf_insn){ .code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_1,
				  .src_reg = BPF_REG_2, .imm = BPF_ADD });
	put_mov(p, TO(BPF_REG_0), 0);
	put(p, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

/* r0 = the current process's number, in the target's namespace or (ino 0) the initial one; or nonsense */
static void put_tgid(struct insns *p, const struct attach_who *who)
{
	if (!who->pidns_ino) {
		put_call(p, BPF_FUNC_get_current_pid_tgid);
		put(p, (struct bpf_insn){ .code = BPF_ALU64 | BPF_RSH | BPF_K, .imm = 32 });
		return;
	}
	put(p, (struct bpf_insn){ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .off = -8 });
	put_wide(p, TO(BPF_REG_1), (uint32_t)who->pidns_dev, (uint32_t)(who->pidns_dev >> 32));
	put_wide(p, TO(BPF_REG_2), (uint32_t)who->pidns_ino, (uint32_t)(who->pidns_ino >> 32));
	put(p, (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_3,
				  .src_reg = BPF_REG_10 });
	put(p, (struct bpf_insn){ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_3, .imm = -8 });
	put_mov(p, TO(BPF_REG_4), 8);
	put_call(p, BPF_FUNC_get_ns_current_pid_tgid);
	put(p, (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_W, .src_reg = BPF_REG_10, .off = -4 });
}

/*
 * At sys_enter (context: registers, number): value[1]++ for others than who, value[0]++ for calls of
 * who that may be a goroutine's: not those that only the runtime makes.
 */
static int load_counter(int map_fd, const struct attach_who *who)
{
	static const int32_t runtimes[] = { SYS_futex,	   SYS_sched_yield, SYS_nanosleep,
					    SYS_epoll_pwait, SYS_madvise,     SYS_tgkill,
					    SYS_rt_sigreturn, SYS_rt_sigprocmask };
	struct insns p = { 0 };

	put(&p, (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_6,
				   .src_reg = BPF_REG_1, .off = 8 });
	put_tgid(&p, who);
	put(&p, (struct bpf_insn){ .code = BPF_JMP | BPF_JEQ | BPF_K, .off = 6,
				   .imm = (int32_t)who->tgid });
	put_count(&p, map_fd, 1);
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++)
		/* To the last two instructions of what follows, which end the program. */
		put(&p, (struct bpf_insn){ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_6,
					   .off = (int16_t)(ARRAY_LEN(runtimes) - i - 1 + 4),
					   .imm = runtimes[i] });
	put_count(&p, map_fd, 0);
	return bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "gotrace_rate", "GPL", p.v, p.n, NULL);
}

int attach_syscall_rate(const struct attach_who *who, struct attach_rates *ret)
{
	const struct timespec wait = { .tv_nsec = RATE_MS * 1000000L };
	SCOPED_FD int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "gotrace_rate", 4, 16, 1, NULL);
	SCOPED_FD int prog = -1;
	SCOPED_FD int tp = -1;
	uint64_t n[2] = { 0 }, t;
	uint32_t zero = 0;

	if (map < 0)
		return map;
	prog = load_counter(map, who);
	if (prog < 0)
		return prog;
	t = clock_mono_ns();
	tp = bpf_raw_tracepoint_open("sys_enter", prog);
	if (tp < 0)
		return tp;
	nanosleep(&wait, NULL);
	if (bpf_map_lookup_elem(map, &zero, n) < 0)
		return -errno;
	t = clock_mono_ns() - t;
	ret->own = n[0] * 1000000000ULL / (t ? t : 1);
	ret->others = n[1] * 1000000000ULL / (t ? t : 1);
	return 0;
}
