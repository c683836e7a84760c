/*
 * stacks.h - raw stacks, told apart by content, and what the runtime's tracer would show of them.
 *
 * K1  A stack's number is its id in every generation that uses it; 0 is "no stack".
 * K2  A stack is kept while a goroutine refers to it or this generation used it: bounded by the
 *     living goroutines and one generation.
 * K3  Symbolised only when a generation closes, each used stack once.
 * K4  Stacks that probes tell once (record.h R6) are kept by the same slots as the programs', and
 *     the one before in each slot: memory is bounded whatever the target does.
 */
#ifndef MODEL_STACKS_H
#define MODEL_STACKS_H

#include <stddef.h>
#include <stdint.h>

#include "model/symbols.h"
#include "trace/genwriter.h"

struct stacks;

enum stack_flag {
	STACK_ENTRY_PC = 1 << 0, /* the first pc is an entry, not a return address */
};

struct stacks *stacks_new(void);
void stacks_free(struct stacks *s);

/*
 * The number of the stack of these n pcs (leaf first; return addresses) that leaves out skip
 * logical frames at the leaf. 0 for n == 0 or no memory.
 */
uint32_t stacks_intern(struct stacks *s, const uint64_t *pcs, size_t n, unsigned skip,
		       unsigned flags);

/* From now on hash stands for these n pcs. 0 or -ENOMEM. */
int stacks_tell(struct stacks *s, uint64_t hash, const uint64_t *pcs, size_t n);

/* As stacks_intern, of the pcs that hash stands for; 0 if they were never told. */
uint32_t stacks_told(struct stacks *s, uint64_t hash, unsigned skip, unsigned flags);

/* A goroutine begins and ends to refer to a stack; 0 is allowed. */
void stacks_ref(struct stacks *s, uint32_t id);
void stacks_unref(struct stacks *s, uint32_t id);

/* Marks id as used in this generation; returns id. */
uint64_t stacks_use(struct stacks *s, uint32_t id);

/* Writes every stack used in this generation, then forgets those that nobody refers to. */
void stacks_write(struct stacks *s, struct symbols *sym, struct genwriter *w);

/*
 * The frames of a stack as runtime/trace shows them (docs/go-runtime.md, stacks): inlined frames
 * expanded, compiler-made wrappers hidden, skip dropped at the leaf, runtime.goexit and
 * runtime.main dropped at the root. At most LIMIT_FRAMES; the count.
 */
size_t stacks_frames(struct symbols *sym, const uint64_t *pcs, size_t n, unsigned skip,
		     unsigned flags, struct gen_frame *ret);

#endif
