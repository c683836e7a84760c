/*
 * maps.h - the file mappings of a process, and where its executable was loaded.
 *
 * P1  Only file-backed and executable mappings are kept: a Go heap has many others.
 * P2  Rows rise in address and do not overlap (the kernel's order; else -EBADMSG).
 * P3  Load bias = start of a mapping minus the p_vaddr that belongs to its file offset; never the
 *     start of the map itself: an internally linked PIE has its first PT_LOAD at 0x400000, and a
 *     mapping can begin in the middle of a segment (docs/go-runtime.md 1.4).
 *
 * Source: proc_pid_maps(5), Linux fs/proc/task_mmu.c show_map_vma.
 */
#ifndef PROC_MAPS_H
#define PROC_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"

struct target;

enum maps_prot { MAPS_R = 1, MAPS_W = 2, MAPS_X = 4 };

struct maps_row {
	uint64_t start, end; /* [start, end) in the process */
	uint64_t off;	     /* in the file */
	uint64_t dev, ino;   /* dev as makedev(3) makes it; ino 0: no file */
	uint32_t path;	     /* offset of its path in maps.paths, a C string, maybe "" */
	uint8_t prot;	     /* enum maps_prot */
};

struct maps {
	struct maps_row *v; /* owned */
	size_t cnt, cap;
	struct buf paths; /* owned */
};

/*
 * Reads /proc/PID/maps of t. 0; -ESRCH gone, -EACCES, -E2BIG more than LIMIT_MAPS rows, -EBADMSG,
 * -ENOMEM. On success *ret is released with maps_done.
 */
int maps_read(const struct target *t, struct maps *ret, struct diag *d);
void maps_done(struct maps *m);

/*
 * One line without its newline into *ret (path left 0); *ret_path points at the path in it, not
 * ended by NUL, *ret_path_len its bytes. 0 or -EBADMSG.
 */
int maps_parse_line(const char *line, size_t len, struct maps_row *ret, const char **ret_path,
		    size_t *ret_path_len);

/* The row that holds va, or NULL. */
const struct maps_row *maps_at(const struct maps *m, uint64_t va);

/* The path of a row, borrowed from m. */
const char *maps_path(const struct maps *m, const struct maps_row *row);

/*
 * The bias of t's executable: address in the process = link-time address + bias (mod 2^64). Its
 * mappings are found by device and inode, or, where the two disagree (overlay file systems, btrfs),
 * by what the row at start_code says. The mapping that holds start_code decides.
 * 0; -ENOENT no mapping of it; -EBADMSG program headers damaged or in contradiction.
 */
int maps_exe_bias(const struct maps *m, const struct target *t, uint64_t *ret_bias, struct diag *d);

#endif
