/*
 * gopclntab.h - the runtime's own tables of functions, lines and inlining, Go 1.19 to 1.27.
 *
 *	pcHeader -> funcname, cutab, filetab, pctab, pcln (offsets from it)
 *	pcln     =  nfunc x { u32 entry, u32 func } u32 end, then the _func records
 *	_func    -> pc-value tables (gosym.h), FUNCDATA (inline tree, wrap info)
 *	moduledata names them all, and text, etext, data and gofunc beside them
 *
 * P1  Every offset is checked against its table before use; every loop has a cap.
 * P2  A name is borrowed from the binary and ends in NUL inside its table.
 * P3  One path for all builds: no symbol table, no DWARF, sections only as a hint.
 *
 * Source: Go runtime/symtab.go, runtime/symtabinl.go, internal/abi/symtab.go, cmd/link
 * internal/ld/pcln.go of 1.19 to 1.27. Facts: docs/go-runtime.md 1.2.
 */
#ifndef IMAGE_GOPCLNTAB_H
#define IMAGE_GOPCLNTAB_H

#include "image/elfimg.h"
#include "image/image.h"

struct pcln_layout;

struct pcln_name {
	uint32_t func, next;
};

struct gopclntab {
	const struct elfimg *elf;      /* borrowed */
	const struct pcln_layout *lay; /* where the version has its fields */
	struct span funcname, cutab, filetab, pctab, pcln, gofunc;
	uint64_t va; /* of pcHeader */
	uint64_t moduledata_va;
	uint64_t text_va, etext_va;
	uint64_t data_va, edata_va; /* runtime.data, runtime.edata: globals with pointers */
	uint32_t func_cnt;
	uint8_t quantum;
	struct pcln_name *names; /* owned; the runtime's functions, chained by name */
	uint32_t *buckets;	 /* owned; place in names plus one, 0: none */
	size_t bucket_cnt;	 /* a power of two */
};

/* One function, decoded; offsets are from their tables as in the file. */
struct pcln_func {
	uint64_t entry_va, end_va;
	uint32_t idx; /* in the function table */
	uint32_t name_off, pcfile_off, pcln_off, cu_off;
	uint32_t pcdata_cnt, funcdata_cnt;
	uint8_t func_id, flag;
	struct span tail; /* pcdata[], funcdata[] */
};

/* One node of an inline tree. */
struct pcln_node {
	uint32_t name_off, parent_pc; /* parent_pc: from the function's entry */
	uint8_t func_id;
};

/*
 * Finds the tables of a binary of 1.minor. e is borrowed for the life of t; names of generic
 * functions are shortened in its copy of the bytes ("main.F[...]", as the runtime prints them). 0;
 * -ENOTSUP unknown version or older than 1.19, several text sections; -EBADMSG no consistent
 * tables; -ENOMEM.
 */
int gopclntab_init(struct gopclntab *t, struct elfimg *e, unsigned minor, struct diag *d);
void gopclntab_done(struct gopclntab *t);

/* The i-th function in address order. 0 or -EBADMSG. */
int gopclntab_func(const struct gopclntab *t, uint32_t i, struct pcln_func *ret);

/* The function that holds va. 0 or -ENOENT. */
int gopclntab_func_at(const struct gopclntab *t, uint64_t va, struct pcln_func *ret);

/*
 * By exact name; of several the one that is no compiler-made wrapper. The runtime's packages are
 * indexed, others take a walk over all functions. 0 or -ENOENT.
 */
int gopclntab_func_find(const struct gopclntab *t, const char *name, struct pcln_func *ret);

/* The name at an offset of the name table, or "". */
const char *gopclntab_name(const struct gopclntab *t, uint32_t name_off);

/* The inline tree's i-th node. 0, -ENOENT behind its end or no tree. */
int gopclntab_node(const struct gopclntab *t, const struct pcln_func *f, uint32_t i,
		   struct pcln_node *ret);

/* The offset of a name in the name table (each name stands there once). 0 or -ENOENT. */
int gopclntab_name_find(const struct gopclntab *t, const char *name, uint32_t *ret_off);

/* len bytes behind FUNCDATA idx of f; bad if it has none. */
struct span gopclntab_funcdata(const struct gopclntab *t, const struct pcln_func *f, uint32_t idx,
			       uint64_t len);

/* True if f is a wrapper that the compiler made (abi.FuncIDWrapper of this version). */
bool gopclntab_is_wrapper(const struct gopclntab *t, uint8_t func_id);

#endif
