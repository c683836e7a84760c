#include "proc/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/num.h"
#include "base/span.h"
#include "proc/target.h"

/* The slow way, one piece. Bytes read, or -errno if the process is gone (0 bytes: target.h T4). */
static ssize_t mem_pread(const struct mem_process *p, const struct mem_piece *v)
{
	size_t got = 0;

	/* Offsets above what off_t holds are no user addresses. */
	while (got < v->len && v->addr <= (uint64_t)INT64_MAX - v->len) {
		ssize_t n =
			pread(p->fd, (char *)v->buf + got, v->len - got, (off_t)(v->addr + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return -ESRCH;
		if (n < 0)
			break; /* EIO: not mapped */
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int mem_slow(const struct mem_process *p, struct mem_piece *v, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		ssize_t n = v[i].len ? mem_pread(p, &v[i]) : 0;

		if (n < 0)
			return (int)n;
		v[i].got = (size_t)n;
	}
	return 0;
}

/*
 * One system call: fills got of the pieces that the call reached, and returns how many those are:
 * cnt, or up to and with the first one that stopped it. -errno if it could not work at all.
 */
static ssize_t mem_call(const struct mem_process *p, struct mem_piece *v, size_t cnt)
{
	struct iovec local[MEM_BATCH], remote[MEM_BATCH];
	size_t left, i;
	ssize_t n;

	local[0] = remote[0] = (struct iovec){ 0 }; /* the compiler cannot see that cnt > 0 */
	for (i = 0; i < cnt; i++) {
		local[i] = (struct iovec){ v[i].buf, v[i].len };
		remote[i] = (struct iovec){ (void *)(uintptr_t)v[i].addr, v[i].len };
	}
	n = process_vm_readv(p->pid, local, cnt, remote, cnt, 0);
	if (n < 0 && errno != EFAULT)
		return -errno;
	left = n < 0 ? 0 : (size_t)n;
	for (i = 0; i < cnt; i++) {
		v[i].got = num_min(left, v[i].len);
		left -= v[i].got;
		if (v[i].got < v[i].len)
			return (ssize_t)i + 1;
	}
	return (ssize_t)cnt;
}

/*
 * A kernel address or one beyond the end of the address space makes the kernel refuse the whole
 * call (import_iovec's access_ok is for our side only, but lengths that wrap are checked): such
 * pieces are answered here.
 */
static bool mem_plausible(const struct mem_piece *v)
{
	return v->len > 0 && v->addr <= (uint64_t)INT64_MAX - v->len;
}

static int mem_process_readv(void *ctx, struct mem_piece *v, size_t cnt)
{
	struct mem_process *p = ctx;
	size_t pos = 0;

	while (pos < cnt) {
		size_t run = 0;
		ssize_t n;

		if (!mem_plausible(&v[pos])) {
			v[pos++].got = 0;
			continue;
		}
		while (run < MEM_BATCH && pos + run < cnt && mem_plausible(&v[pos + run]))
			run++;
		n = p->slow ? mem_slow(p, v + pos, run) : mem_call(p, v + pos, run);
		if (!p->slow && (n == -ENOSYS || n == -EPERM || n == -EINVAL) && p->fd >= 0) {
			p->slow = true;
			continue;
		}
		if (n < 0)
			return (int)n;
		pos += p->slow ? run : (size_t)n;
	}
	return 0;
}

struct mem mem_of_target(struct mem_process *p, const struct target *t)
{
	*p = (struct mem_process){ .pid = t->pid, .fd = t->mem_fd };
	return (struct mem){ .readv = mem_process_readv, .ctx = p };
}

int mem_readv(const struct mem *m, struct mem_piece *v, size_t cnt)
{
	int err;

	for (size_t i = 0; i < cnt; i++)
		v[i].got = 0;
	err = m->readv(m->ctx, v, cnt);
	for (size_t i = 0; i < cnt; i++) {
		if (v[i].got > v[i].len)
			v[i].got = v[i].len;
		if (v[i].got < v[i].len)
			memset((char *)v[i].buf + v[i].got, 0, v[i].len - v[i].got);
	}
	return err;
}

ssize_t mem_read_some(const struct mem *m, uint64_t addr, void *buf, size_t len)
{
	struct mem_piece v = { .addr = addr, .buf = buf, .len = len };
	int err = mem_readv(m, &v, 1);

	return err ? err : (ssize_t)v.got;
}

int mem_read(const struct mem *m, uint64_t addr, void *buf, size_t len)
{
	ssize_t n = mem_read_some(m, addr, buf, len);

	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -EFAULT;
}

int mem_read_u64(const struct mem *m, uint64_t addr, uint64_t *ret)
{
	uint8_t b[8];
	int err = mem_read(m, addr, b, sizeof(b));
	struct span s = span_of(b, sizeof(b));

	if (!err)
		*ret = span_u64(&s);
	return err;
}

int mem_read_u32(const struct mem *m, uint64_t addr, uint32_t *ret)
{
	uint8_t b[4];
	int err = mem_read(m, addr, b, sizeof(b));
	struct span s = span_of(b, sizeof(b));

	if (!err)
		*ret = span_u32(&s);
	return err;
}
