/*
 * hooks.h - the hooks as data: what there is to see, in which versions, at which kind of site. Private
 * to capture.
 *
 * Source: docs/go-runtime.md, hooks.
 */
#ifndef CAPTURE_HOOKS_H
#define CAPTURE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hook_how {
	HOW_ENTRY,     /* func's entry site */
	HOW_CALLS,     /* every call of func */
	HOW_CALLS_IN,  /* calls of func in the function `in` only */
	HOW_BEHIND,    /* behind the call of `in`, in func */
	HOW_LAST_CALL, /* the last call of `in`, in func */
	HOW_GOPARK,    /* park: the entry of `in`, its one caller, where that is a function everywhere */
	HOW_SCHEDULE,  /* execute: schedule's nop and the other calls, where that is cheaper */
};

enum hook_syscall {
	SYS_NO,	    /* nothing to do with syscalls */
	SYS_ANY,    /* left out with --syscalls off */
	SYS_UPROBE, /* only where syscalls are seen by probes */
	SYS_TP,	    /* only beside the tracepoints: calls into C and back are none */
};

enum { LATEST = UINT8_MAX };

/* One way to see a hook: the versions that have it, and its function. */
struct hook_row {
	uint8_t hook;
	uint8_t from, to; /* Go minors; to: LATEST, no end is known */
	uint8_t how;	 /* enum hook_how */
	bool required;
	uint8_t syscall; /* enum hook_syscall */
	uint32_t cookie; /* more bits of the cookie */
	const char *func, *in;
	const char *event;
};

extern const struct hook_row hook_rows[];
extern const size_t hook_row_cnt;

/* "entry", "calls", ...: of a row's sites, for people. */
const char *hook_how_name(enum hook_how how);

/*
 * Where a profile made the compiler inline a hook's function, and what then is a site for the copy:
 * the entry of the function that holds it, if that does nothing else. Where the holder has more to
 * do before, no site stands for the copy: it is reported, and the model fills in (plan_hook.copies).
 */
struct hook_substitute {
	uint32_t cookie;
	const char *func, *holder;
};

/* NULL if there is none for a copy of func in holder. */
const struct hook_substitute *hook_substitute(const char *func, const char *holder);

/* What releasep's entry becomes where it has copies: its one callee, which covers all of them. */
extern const struct hook_substitute hook_below;

#endif
