/*
 * shelf.h - the dumps that this run has written into one folder, so that their number and bytes
 * stay bounded: the oldest make room. Only files of this run are ever removed, and only if they are
 * still the same files (device and inode).
 */
#ifndef CMD_SHELF_H
#define CMD_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { SHELF_NAME = 256 };

struct shelf_file {
	char name[SHELF_NAME];
	uint64_t bytes;
	dev_t dev;
	ino_t ino;
};

struct shelf {
	uint64_t max_files, max_bytes; /* 0: no bound */
	int dirfd;		       /* borrowed */
	struct shelf_file *v;	       /* owned; oldest first */
	size_t cnt, cap;
	uint64_t bytes, removed;
};

/* Makes room for one more file of about so many bytes. The number of files removed. */
size_t shelf_room(struct shelf *s, uint64_t bytes);
/* A file was written. Unbounded shelves remember nothing. 0 or -ENOMEM. */
int shelf_add(struct shelf *s, const struct shelf_file *f);
/* The folder is another one now: what is in the old one is left alone. */
void shelf_forget(struct shelf *s, int dirfd);
void shelf_done(struct shelf *s);

#endif
