/*
 * mem.h - reads of another process's memory, one or many at a time.
 *
 * M1  Reads never stop or change the process. They are not atomic: what is more than an aligned
 *     word can be torn.
 * M2  What could not be read is said exactly: got counts the leading bytes that were, the rest of
 *     the buffer is zero.
 * M3  A reader is two words (readv, ctx), so that tests and replays can stand in for a process.
 *
 * process_vm_readv(2) takes 1,024 pieces a call; where it is refused or missing (seccomp), the
 * target's held /proc/PID/mem is read piece by piece instead.
 */
#ifndef PROC_MEM_H
#define PROC_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct target;

enum { MEM_BATCH = 1024 }; /* pieces of one system call: IOV_MAX */

struct mem_piece {
	uint64_t addr;
	void *buf; /* borrowed, len bytes */
	size_t len;
	size_t got; /* out: bytes read, from the start */
};

struct mem {
	/* Fills got and buf of each of cnt pieces; 0 or -errno if the whole process is away. */
	int (*readv)(void *ctx, struct mem_piece *v, size_t cnt);
	void *ctx;
};

/* A process as a source; ctx of a struct mem. */
struct mem_process {
	pid_t pid;
	int fd;	   /* borrowed: target.mem_fd; -1: none */
	bool slow; /* process_vm_readv does not work here */
};

/* A reader of t's memory; p is the caller's storage, borrowed by the result. Cannot fail. */
struct mem mem_of_target(struct mem_process *p, const struct target *t);

/*
 * Reads cnt pieces (any number). 0: each piece's got says what came, even if nothing did. -ESRCH:
 * the process is gone. -EPERM: not allowed.
 */
int mem_readv(const struct mem *m, struct mem_piece *v, size_t cnt);

/* Reads len bytes. 0 all read; -EFAULT not all (buf: M2); or as above. */
int mem_read(const struct mem *m, uint64_t addr, void *buf, size_t len);

/* How many leading bytes of len could be read (0 too), or as above. */
ssize_t mem_read_some(const struct mem *m, uint64_t addr, void *buf, size_t len);

/* One little-endian word. 0 and *ret, or as mem_read. */
int mem_read_u64(const struct mem *m, uint64_t addr, uint64_t *ret);
int mem_read_u32(const struct mem *m, uint64_t addr, uint32_t *ret);

#endif
