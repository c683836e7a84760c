/*
 * image.h - one Go binary: what it is, where its functions, probe sites, variables and string
 * tables are, and what a pc means. The facade over elfimg, gobuildinfo, gopclntab, golayout, site,
 * govars and gostrings.
 *
 * I1  Needs no symbols, no DWARF and no live process; trusts no count or offset in the file.
 * I2  Addresses (_va) are the file's own (link-time) addresses; a process adds its load bias.
 * I3  Names and files returned are borrowed from the image and live as long as it does.
 * I4  After image_open an image is read-only: any thread may call the functions below.
 *
 * Facts: docs/go-runtime.md, each with the Go versions it holds for.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "image/golayout.h"

struct image;

enum image_arch { IMAGE_AMD64, IMAGE_ARM64 };

struct goversion {
	unsigned minor, patch; /* 1.minor.patch */
	bool unknown_tail; /* words behind "go1.N.P" that we do not know (vendor, experiments) */
	char text[96];	   /* as the binary has it, cleaned of control characters */
};

struct image_info {
	enum image_arch arch;
	struct goversion version;
	bool has_buildinfo;	    /* false: the version came from runtime.buildVersion's string */
	bool pie;		    /* ET_DYN */
	bool stripped;		    /* no symbol table */
	bool cgo;		    /* runtime/cgo is linked: C code, or -race */
	bool race;		    /* -race */
	bool pgo;		    /* built with -pgo (build settings say so) */
	bool library;		    /* -buildmode=c-shared, shared or plugin */
	uint64_t text_va, etext_va; /* Go text: runtime.text, runtime.etext */
	uint32_t func_cnt;
	char build_id[65]; /* GNU build id in hex, else a hash of Go's, else "" */
	char go_build_id[128];
};

/*
 * Opens the binary behind fd (borrowed; only used during the call: the file is mapped or read).
 * name is for messages. On success *ret is owned by the caller. -EBADMSG damaged, -ENOTSUP not Go,
 * too old (< 1.19), another architecture or unknown version (d says which), -ENOMEM, -E2BIG, or
 * what reading gave.
 */
int image_open(int fd, const char *name, struct image **ret, struct diag *d);
void image_free(struct image *img);

const struct image_info *image_get_info(const struct image *img);

/*
 * Layout of g, m, p, schedt, gcController of this version; NULL if the tables have none for it, or
 * if the version text has words that we do not know (experiments move fields): the caller may take
 * golayout_candidate's and confirm it against the live process.
 */
const struct golayout *image_get_layout(const struct image *img);

/* ---- functions ------------------------------------------------------------------------------- */

struct image_func {
	uint64_t entry_va, end_va; /* [entry, end) */
	const char *name;	   /* as pclntab has it: "runtime.park_m", "main.F[...]" */
	uint8_t func_id, flag;
};

/* By exact name. 0 or -ENOENT. */
int image_func_find(const struct image *img, const char *name, struct image_func *ret);

/* The function that holds va. 0 or -ENOENT. */
int image_func_at(const struct image *img, uint64_t va, struct image_func *ret);

/* ---- probe sites (docs/go-runtime.md 3) ------------------------------------------------------ */

/* Instructions that kernels emulate (never anything that is single-stepped), by price. */
enum site_kind { SITE_NOP5, SITE_PUSH, SITE_CALL, SITE_JMP, SITE_JCC, SITE_NOP1, SITE_ARM_BRANCH };

struct site {
	uint64_t va;
	uint64_t file_off; /* what uprobe.multi takes */
	enum site_kind kind;
	uint8_t len;	   /* of the instruction */
	uint8_t bytes[16]; /* of the instruction, to compare with the process's memory */
	int32_t sp_off;	   /* entry sites: bytes by which the stack pointer is already lower (up
			      to 1.20) */
	const char *func;  /* the function that holds it */
};

struct site_list {
	struct site *v; /* owned */
	size_t cnt;
};
void site_list_done(struct site_list *l);
const char *site_kind_name(enum site_kind kind);

/*
 * The entry site of func: the first emulated instruction that every call passes exactly once with
 * all argument registers live ("push %rbp" behind the stack check from 1.21, the jbe before).
 * Decoded from the entry. 0, -ENOENT no such function, -ENOTSUP no such instruction.
 */
int image_site_entry(const struct image *img, const char *func, struct site *ret, struct diag *d);

/*
 * Appends every `call callee` (direct, rel32) in any Go function, confirmed by linear decoding of
 * the holder from its entry; in == NULL for all functions, else only in the function of that name.
 * With nop5, a five-byte nop directly before a call is given in the call's place (it is reached
 * by every path that reaches the call: no jump in the function targets the call itself).
 * Returns the number appended (0: none), -ENOENT no such callee, or an error.
 */
int image_site_calls(const struct image *img, const char *callee, const char *in, bool nop5,
		     struct site_list *l, struct diag *d);

/*
 * CREATE's site in func ("runtime.newproc.func1", "runtime.newcoro.func1"): the first emulated
 * instruction behind `call callee` (nop5 only if allowed), and in which register the result is
 * there: *ret_in_rbx true once `mov %rax,%rbx` has been passed, else it is in RAX (arm64: R1, R0).
 * -ENOENT no such function or call, -ENOTSUP no such instruction.
 */
int image_site_after_call(const struct image *img, const char *func, const char *callee, bool nop5,
			  struct site *ret, bool *ret_in_rbx, struct diag *d);

/* The n-th from the end (0 = last) `call callee` in func, e.g. gcAssistAlloc1's last casgstatus. */
int image_site_last_call(const struct image *img, const char *func, const char *callee,
			 struct site *ret, struct diag *d);

/* Where a function that makes system calls for goroutines is in one: return addresses. */
struct syscall_pcs {
	uint64_t enter; /* of its call of entersyscall: what g.syscallpc holds */
	uint64_t raw;	/* of its call of RawSyscall6 */
};
/*
 * Of func (syscall.Syscall, syscall.Syscall6: Go 1.19 to 1.27 syscall/syscall_linux.go). Only where
 * nothing can lead to the second call but through the first: whoever is in it is a goroutine in a
 * system call. -ENOENT no such function or not such code.
 */
int image_syscall_pcs(const struct image *img, const char *func, struct syscall_pcs *ret,
		      struct diag *d);

/*
 * schedule's nop5 before execute's inlined part (1.26 on): `cmpq $0, lockedm(%rax)`, nop5, jne.
 * -ENOENT if this binary has not exactly one.
 */
int image_site_schedule_nop(const struct image *img, struct site *ret, struct diag *d);

/*
 * Names (borrowed) of functions whose inline tree holds a copy of func; up to cap; the count of
 * all.
 */
size_t image_inlined_into(const struct image *img, const char *func, const char **ret_names,
			  size_t cap);

/* ---- data of the runtime (docs/go-runtime.md 1.3, 5) ----------------------------------------- */

enum image_var {
	VAR_ALLGLEN,	   /* uintptr */
	VAR_ALLGPTR,	   /* **g: address of the array */
	VAR_ALLP,	   /* []*p: pointer, len, cap */
	VAR_ALLM,	   /* *m */
	VAR_SCHED,	   /* schedt */
	VAR_GOMAXPROCS,	   /* int32 */
	VAR_GCCONTROLLER,  /* gcControllerState */
	VAR_GCPHASE,	   /* uint32 */
	VAR_TRACE_ENABLED, /* bool (1.22: uintptr): not 0 while the process traces itself */
	VAR_CNT,
};

/* The variable's address, found by decoding. 0 or -ENOENT with a sentence. */
int image_var_find(const struct image *img, enum image_var var, uint64_t *ret_va, struct diag *d);

/*
 * Offset of g from the thread pointer (fs base, amd64): -8 unless a C library moved it. 0 or
 * -ENOENT.
 */
int image_tls_g(const struct image *img, int64_t *ret_off);

enum image_table { TABLE_WAIT_REASONS, TABLE_BLOCK_REASONS, TABLE_STW_REASONS };

/*
 * The runtime's own string table; *ret_v points to *ret_cnt borrowed C strings. -ENOENT: the
 * linker dropped it (block reasons up to 1.22 in programs that never trace) or not found; reasons.h
 * has the fixed facts of a version then.
 */
int image_table_get(const struct image *img, enum image_table table, const char *const **ret_v,
		    size_t *ret_cnt);

/* ---- what a pc means (docs/go-runtime.md 8.3) ------------------------------------------------ */

struct image_frame {
	uint64_t pc;	  /* the format's pc: pc for the leaf, entry + parentPc for outer inlined */
	const char *func; /* borrowed; "" unknown */
	const char *file;
	uint32_t line;
	uint8_t func_id;
	bool wrapper;	   /* compiler-made: hidden unless it called gopanic, sigpanic, panicwrap */
	bool inlined;	   /* false for the last, physical, frame */
	uint64_t entry_va; /* of the physical function */
};

/*
 * The logical frames at pc (already a call site: return address minus one, or an entry), innermost
 * first, the physical function last. Returns their number (0 if pc is not in the Go text), at
 * most cap.
 */
size_t image_symbolize(const struct image *img, uint64_t pc, struct image_frame *ret, size_t cap);

/*
 * The function that a `go` statement started, by the new goroutine's startpc: of a compiler-made
 * wrapper with FUNCDATA_WrapInfo the wrapped function's entry, else startpc itself.
 */
uint64_t image_start_pc(const struct image *img, uint64_t startpc);

#endif
