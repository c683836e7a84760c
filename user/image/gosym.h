/*
 * gosym.h - what a pc means: lines, files and inlined frames from the pc-value tables.
 *
 *	pc-value table: value = -1, pc = entry; then { zigzag uvarint value delta (0: the end,
 *		but for the first), uvarint pc delta / quantum }; a value holds up to the pc that
 *		follows it
 *	inline tree: the node at pc names an inlined function and where in the outer one it stands
 *
 * Y1  Nothing is allocated: names and files are borrowed from the image.
 * Y2  One call takes at most LIMIT_PCVALUE_STEPS steps, whatever the tables say.
 *
 * Source: Go runtime/symtab.go (step, pcvalue), runtime/symtabinl.go.
 * Facts: docs/go-runtime.md 1.2, 8.3.
 */
#ifndef IMAGE_GOSYM_H
#define IMAGE_GOSYM_H

#include "image/gopclntab.h"

/* image.h: image_symbolize, image_start_pc. */
size_t gosym_frames(const struct gopclntab *t, uint64_t pc, struct image_frame *ret, size_t cap);
uint64_t gosym_start_pc(const struct gopclntab *t, uint64_t startpc);

/*
 * True if f's inline tree holds a copy of the function of that name (gopclntab_name_find). Each
 * step takes one from *budget; at 0 the answer is false.
 */
bool gosym_inlines(const struct gopclntab *t, const struct pcln_func *f, uint32_t name_off,
		   uint64_t *budget);

#endif
