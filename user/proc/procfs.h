/*
 * procfs.h - small text files of /proc and /sys, and the fields in them.
 *
 * The process chooses parts of what they say (its name, its paths): nothing here trusts a length
 * or a count in them.
 */
#ifndef PROC_PROCFS_H
#define PROC_PROCFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Reads the whole of a small file below dirfd (AT_FDCWD: name is absolute) as a C string of at most
 * cap - 1 bytes; what is beyond is cut. The length, or -errno.
 */
ssize_t procfs_read(int dirfd, const char *name, char *buf, size_t cap);

/*
 * The text behind "key" at the start of a line ("TracerPid:"), blanks skipped; NULL: no such line.
 * The result ends with its line's newline or the text's end.
 */
const char *procfs_field(const char *text, const char *key);

/* A decimal number at the start of text; dflt if there is none. */
int64_t procfs_number(const char *text, int64_t dflt);

/* What /proc/PID/stat says that we need; numbers that are missing are 0. */
struct procfs_stat {
	char comm[64];
	char state;	 /* 'R', 'S', 'Z', ... */
	uint64_t flags;	 /* PF_* */
	uint64_t utime, stime, starttime; /* clock ticks */
	uint64_t startcode, endcode, startstack;
	int exit_code;
};

/* Parses the text of a stat file. 0 or -EBADMSG. comm may hold blanks, brackets and newlines. */
int procfs_parse_stat(const char *text, struct procfs_stat *ret);

#endif
