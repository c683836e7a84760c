/*
 * dump.h - writes a window of generations into a file, on a thread of its own.
 *
 * D1  Recording never waits for a dump: the thread reads shared generations (genring.h R1) and only
 *     it touches the disk. The lock is held to copy a chunk, never while writing.
 * D2  One dump at a time. Each generation is dropped as soon as its last byte is copied.
 * D3  dump_abandon takes the generations away at once, whatever the disk does: the dump then fails
 *     with a sentence, and no file is left.
 * D4  The file appears under its name only when it is whole and synced (output.h O1).
 */
#ifndef CMD_DUMP_H
#define CMD_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"
#include "trace/genring.h"

struct dump;

enum { DUMP_NAME = 256, DUMP_DIR = 4096 };

struct dump_job {
	uint64_t id;	    /* the caller's */
	int dirfd;	    /* owned by the job from dump_begin on */
	char dir[DUMP_DIR]; /* for messages */
	char name[DUMP_NAME];
	bool replace;		/* a file of that name is replaced, else a number is added */
	struct genring_set set; /* owned by the job */
};

struct dump_result {
	uint64_t id;
	int err; /* 0, or as diag says */
	struct diag diag;
	char path[DUMP_DIR + DUMP_NAME];
	char name[DUMP_NAME]; /* as it became */
	uint64_t bytes, gens, events;
	uint64_t start_ns, end_ns; /* of the window */
	uint64_t took_ns;
	dev_t dev;
	ino_t ino;
};

/* format: of the header. 0, -ENOMEM or -errno. */
int dump_new(unsigned format, struct dump **ret);
/* Waits for a dump under way. */
void dump_free(struct dump *d);

/* Readable when dump_end has something. */
int dump_fd(const struct dump *d);

/*
 * Begins; the job is taken over and *job is zero after. -EBUSY: one is under way (job unchanged).
 */
int dump_begin(struct dump *d, struct dump_job *job);
bool dump_busy(const struct dump *d);

/* True with the result of the dump that ended; once each. wait: until it does. */
bool dump_end(struct dump *d, bool wait, struct dump_result *ret);

/* D3. why becomes the sentence. */
void dump_abandon(struct dump *d, const char *why);

/* Bytes of the dump under way: written, and in all. */
void dump_progress(struct dump *d, uint64_t *ret_done, uint64_t *ret_all);

#endif
