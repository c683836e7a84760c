#include "trace/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { SOURCE_CHUNK = 256 * 1024 };

/* The compressed side: its own small window over memory or the descriptor. */
struct source_gz {
	z_stream z;
	const uint8_t *mem; /* what is left of the caller's memory, or NULL */
	size_t mem_left;
	bool in_eof, member_end;
	const char *why;
	uint8_t in[SOURCE_CHUNK];
};

/* One read, all signals survived. >= 0 or -errno. */
static ssize_t source_read_fd(int fd, void *p, size_t n)
{
	ssize_t got;

	do
		got = read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

static int gz_fill(struct source *s, struct source_gz *gz)
{
	if (gz->mem) {
		gz->z.next_in = (void *)(uintptr_t)gz->mem;
		gz->z.avail_in = gz->mem_left > SOURCE_CHUNK ? SOURCE_CHUNK : (uInt)gz->mem_left;
		gz->mem += gz->z.avail_in;
		gz->mem_left -= gz->z.avail_in;
	} else {
		ssize_t got = source_read_fd(s->fd, gz->in, sizeof(gz->in));

		if (got < 0)
			return (int)got;
		gz->z.next_in = gz->in;
		gz->z.avail_in = (uInt)got;
	}
	gz->in_eof = !gz->z.avail_in;
	return 0;
}

/*
 * Inflates at most n bytes to p: how many, 0 at the end, or -errno. Members may follow each other.
 */
static ssize_t source_read_gz(struct source *s, void *p, size_t n)
{
	struct source_gz *gz = s->gz;

	gz->z.next_out = p;
	gz->z.avail_out = (uInt)n;
	while (gz->z.avail_out == (uInt)n) {
		int rc;

		if (!gz->z.avail_in) {
			int err = gz_fill(s, gz);

			if (err < 0)
				return err;
		}
		if (gz->member_end) {
			if (gz->in_eof)
				return 0;
			if (inflateReset(&gz->z) != Z_OK)
				return -ENOMEM;
			gz->member_end = false;
		}
		if (gz->in_eof) {
			gz->why = "the compressed file ends too early";
			return -EBADMSG;
		}
		rc = inflate(&gz->z, Z_NO_FLUSH);
		if (rc == Z_STREAM_END) {
			gz->member_end = true;
		} else if (rc == Z_MEM_ERROR) {
			return -ENOMEM;
		} else if (rc != Z_OK && rc != Z_BUF_ERROR) {
			gz->why = "the compressed file is damaged";
			return -EBADMSG;
		}
	}
	return (ssize_t)(n - gz->z.avail_out);
}

static void source_gz_free(struct source_gz *gz)
{
	if (!gz)
		return;
	inflateEnd(&gz->z);
	free(gz);
}

static bool is_gzip(const uint8_t *p, size_t n)
{
	return n >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

/* From here on the bytes that the window holds are compressed. They move to the gzip's window. */
static int source_start_gz(struct source *s)
{
	struct source_gz *gz = calloc(1, sizeof(*gz));

	if (!gz)
		return -ENOMEM;
	if (inflateInit2(&gz->z, 16 + MAX_WBITS) != Z_OK) {
		free(gz);
		return -ENOMEM;
	}
	if (s->fd < 0) {
		gz->mem = s->p;
		gz->mem_left = s->len;
	} else {
		memcpy(gz->in, s->p, s->len); /* at most one chunk: nothing else was read yet */
		gz->z.next_in = gz->in;
		gz->z.avail_in = (uInt)s->len;
	}
	s->gz = gz;
	s->buf.len = 0;
	s->p = (const void *)"";
	s->len = 0;
	s->eof = false;
	return 0;
}

int source_open_mem(struct source *s, const void *p, size_t len)
{
	*s = (struct source){
		.p = p ? p : (const void *)"", .len = p ? len : 0, .fd = -1, .eof = true
	};
	return is_gzip(s->p, s->len) ? source_start_gz(s) : 0;
}

int source_open_fd(struct source *s, int fd, bool owns_fd)
{
	int err = 0;

	*s = (struct source){ .p = (const void *)"", .fd = fd, .owns_fd = owns_fd };
	source_need(s, 3);
	if (s->err)
		err = s->err;
	else if (is_gzip(s->p, s->len))
		err = source_start_gz(s);
	if (err < 0)
		source_done(s);
	return err;
}

size_t source_need(struct source *s, size_t n)
{
	while (s->len < n && !s->eof && !s->err) {
		ssize_t got;

		if (buf_reserve(&s->buf, SOURCE_CHUNK) < 0) {
			s->err = -ENOMEM;
			break;
		}
		got = s->gz ? source_read_gz(s, s->buf.p + s->buf.len, SOURCE_CHUNK)
			    : source_read_fd(s->fd, s->buf.p + s->buf.len, SOURCE_CHUNK);
		if (got < 0)
			s->err = (int)got;
		else if (!got)
			s->eof = true;
		else
			s->buf.len += (size_t)got;
		s->p = s->buf.p;
		s->len = s->buf.len;
	}
	return s->len;
}

int source_take(struct source *s, size_t n, struct buf *own, const uint8_t **ret_p)
{
	struct buf rest = *own;

	if (!s->buf.p) {
		*ret_p = s->p;
		s->p += n;
	} else {
		buf_reset(&rest);
		buf_bytes(&rest, s->p + n, s->len - n);
		if (rest.failed) {
			*own = rest;
			return -ENOMEM;
		}
		*own = s->buf;
		s->buf = rest;
		*ret_p = own->p;
		s->p = rest.p ? rest.p : (const void *)"";
	}
	s->base += n;
	s->len -= n;
	return 0;
}

const char *source_why(const struct source *s)
{
	if (s->gz && s->gz->why)
		return s->gz->why;
	return strerror(-s->err);
}

void source_done(struct source *s)
{
	source_gz_free(s->gz);
	buf_done(&s->buf);
	if (s->owns_fd && s->fd >= 0)
		close(s->fd);
	*s = (struct source){ .fd = -1 };
}
