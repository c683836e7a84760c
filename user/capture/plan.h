/*
 * plan.h - which hooks, at which sites of this binary.
 *
 * A hook is a set of sites (docs/go-runtime.md, hooks): a function's entry behind the stack check,
 * the calls to it, or the instruction behind a call. The table of hooks (hooks.c) is data: hook,
 * versions, function, kind of site. plan_make resolves it against one image; what each plan and each
 * step of a budget watches is in rungs.c.
 *
 * L1  Every site is an instruction that the kernel emulates or patches; never a single-stepped one.
 * L2  A required hook without a site makes the plan fail; an optional one is reported.
 */
#ifndef CAPTURE_PLAN_H
#define CAPTURE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "image/image.h"
#include "include/record.h"

enum plan_state {
	PLAN_FOUND,
	PLAN_MISSING, /* this version has it, this binary's code does not show it */
	PLAN_ABSENT,  /* not linked into this binary, nothing is lost */
};

enum { PLAN_COPIES = 8 };

/* A row of the table, resolved. */
struct plan_hook {
	uint8_t hook;
	bool required;
	enum plan_state state;
	const char *func;	/* "runtime.park_m" */
	const char *how;	/* "entry", "calls", "behind newproc1", ... */
	const char *event;	/* what it gives: "GoBlock" */
	size_t site_first, site_cnt; /* in plan.sites */
	const char *copies[PLAN_COPIES]; /* functions with an inlined copy that no site covers */
	size_t copy_cnt;
	char why[160];		/* of MISSING */
};

/* Does this plan watch this hook? */
bool plan_has(unsigned hook, enum rec_plan plan);

/* Hooks that are switched on and off together while a recording runs. */
enum plan_part {
	PART_REST,     /* Ps, the world's stops, the collector, annotations: rare, in every plan */
	PART_WAKES,    /* ready, injectglist */
	PART_EXECUTE,  /* starts */
	PART_STOPS,    /* blocks, yields, creations, ends */
	PART_SYSCALLS,
	PART_COUNT,
};
enum plan_part plan_part(unsigned hook);

/*
 * What a budget can step down to: each costs less than the one before, and leaves out more (but that
 * LEAN has starts again, from which it infers what STOP saw).
 */
enum plan_rung {
	RUNG_FULL,
	RUNG_WAKES,    /* wake-ups without the waker's stack */
	RUNG_STOP,     /* no starts: REC_PLAN_STOP */
	RUNG_CALLS,    /* no syscalls either */
	RUNG_LEAN,     /* REC_PLAN_LEAN */
	RUNG_PAUSED,   /* nothing: no probe is attached */
	RUNG_COUNT,
};
/* "full", "wakes without stacks", ... */
const char *plan_rung_name(enum plan_rung r);
/* The parts it watches, as bits 1 << enum plan_part. */
unsigned plan_rung_parts(enum plan_rung r);
enum rec_plan plan_rung_plan(enum plan_rung r);

struct plan_site {
	struct site site;
	uint64_t cookie; /* hook and enum cookie_flag */
};

struct plan {
	struct plan_hook *hooks; /* owned */
	size_t hook_cnt;
	struct plan_site *sites; /* owned */
	size_t site_cnt;
	bool creations;	    /* no way to make a goroutine goes unseen: each CREATE hook has its site */
	uint64_t gopark_pc; /* in the file; PARK is seen at gopark's entry (struct bpf_config), or 0 */
};

/* How syscalls are seen. */
enum plan_syscalls {
	SYSCALLS_AUTO,
	SYSCALLS_UPROBE,     /* entersyscall and exitsyscall: costs the target alone */
	SYSCALLS_TRACEPOINT, /* sys_enter and sys_exit: cheaper for the target, all others pay a little */
	SYSCALLS_OFF,
};

struct plan_opts {
	bool nop5;	  /* this kernel makes probes on five-byte nops cheap */
	enum plan_syscalls syscalls; /* not AUTO */
	enum rec_plan plan;
	const char *const *calls; /* functions whose entry makes a HOOK_CALL record, by number */
	size_t call_cnt;
};

/*
 * Resolves the table for img. 0 (see states for what is missing); -ENOTSUP a required hook has no
 * site: the first one's name, and *ret tells all; -ENOENT a function of calls is not there or cannot
 * be probed; -ENOMEM. *ret is released with plan_done, whatever the result.
 */
int plan_make(const struct image *img, const struct plan_opts *opts, struct plan *ret,
	      struct diag *d);
void plan_done(struct plan *p);

/* The short name of a hook: "execute". */
const char *plan_hook_name(unsigned hook);

#endif
