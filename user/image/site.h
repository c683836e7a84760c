/*
 * site.h - chooses the instructions to probe.
 *
 * T1  A site is an instruction boundary of linear decoding from its function's entry.
 * T2  A site is never an instruction that a kernel would single-step (insn.h N2).
 * T3  A five-byte nop is a site only inside one page (kernels patch it whole), and only where no
 *     path reaches the instruction behind it by another way.
 *
 * Each function is what image.h has as image_<name>, site_syscall image_syscall_pcs: see there. Facts: docs/go-runtime.md 3.
 */
#ifndef IMAGE_SITE_H
#define IMAGE_SITE_H

#include "image/gopclntab.h"
#include "image/insn.h"

int site_entry(const struct gopclntab *t, const char *func, struct site *ret, struct diag *d);
int site_calls(const struct gopclntab *t, const char *callee, const char *in, bool nop5,
	       struct site_list *l, struct diag *d);
int site_after_call(const struct gopclntab *t, const char *func, const char *callee, bool nop5,
		    struct site *ret, bool *ret_in_rbx, struct diag *d);
int site_last_call(const struct gopclntab *t, const char *func, const char *callee,
		   struct site *ret, struct diag *d);

int site_syscall(const struct gopclntab *t, const char *func, struct syscall_pcs *ret,
		 struct diag *d);

/* lockedm_off: g.lockedm of this version. */
int site_schedule_nop(const struct gopclntab *t, unsigned lockedm_off, struct site *ret,
		      struct diag *d);

/* A cursor over the code of f; -EBADMSG if it is not in the file or too large. */
int site_begin(const struct gopclntab *t, const struct pcln_func *f, struct insn_cur *ret);

#endif
