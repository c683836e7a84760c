/*
 * elfimg.h - the loaded part of an ELF file: segments, section names, notes, bounded reads by
 * address.
 *
 * E1  Segment bytes are a private copy, read once: a file that shrinks or changes later cannot
 *     hurt. Debug sections are never read.
 * E2  Every access is by link-time address through elfimg_at or elfimg_span and stays inside one
 *     segment's file-backed part.
 * E3  Relative relocations are applied to the copy: pointers read as the linker meant them, whether
 *     or not it also wrote the addends into the section (GNU ld, gold and lld differ).
 *
 * Headers are parsed by libelf. Facts: docs/go-runtime.md 1.
 */
#ifndef IMAGE_ELFIMG_H
#define IMAGE_ELFIMG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/span.h"

struct elfimg_seg {
	uint64_t va, file_off, len; /* len: bytes that are in the file */
	bool exec, write;
	uint8_t *bytes; /* owned */
};

struct elfimg_sec {
	char name[40]; /* cut if longer */
	uint64_t va, len;
};

struct elfimg {
	unsigned machine; /* EM_X86_64 or EM_AARCH64 */
	bool dyn;	  /* ET_DYN */
	bool has_symtab;
	struct elfimg_seg *segs; /* owned */
	size_t seg_cnt;
	struct elfimg_sec *secs; /* owned; those that are loaded */
	size_t sec_cnt;
	char gnu_build_id[65]; /* hex, "" if there is none */
	char go_build_id[128];
};

/*
 * Reads the file behind fd (borrowed, any position). 0; -EBADMSG not ELF or damaged, -ENOTSUP
 * another class, byte order, machine or type, -E2BIG more than LIMIT_IMAGE_BYTES, -ENOMEM, or what
 * reading gave. On failure *e is as after elfimg_done.
 */
int elfimg_open(struct elfimg *e, int fd, struct diag *d);
void elfimg_done(struct elfimg *e);

/* The bytes at va (borrowed) and how many follow in the same segment; NULL if not in the file. */
const uint8_t *elfimg_at(const struct elfimg *e, uint64_t va, uint64_t *ret_left);

/* [va, va + len); bad if any of it is not in the file. */
struct span elfimg_span(const struct elfimg *e, uint64_t va, uint64_t len);

/* The 8-byte word at va, or dflt. */
uint64_t elfimg_u64(const struct elfimg *e, uint64_t va, uint64_t dflt);

/* Offset in the file of a file-backed va: 0 or -ENOENT. */
int elfimg_file_off(const struct elfimg *e, uint64_t va, uint64_t *ret_off);

/* Address of a file offset that a segment maps: 0 or -ENOENT. */
int elfimg_va(const struct elfimg *e, uint64_t off, uint64_t *ret_va);

/* A loaded section by name, or NULL. */
const struct elfimg_sec *elfimg_section(const struct elfimg *e, const char *name);

#endif
