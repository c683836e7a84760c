#include "cmd/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/output.h"
#include "trace/evspec.h"
#include "trace/genwriter.h"

enum {
	CHUNK = 256 * 1024, /* of one write */
	NAMES_MAX = 1000,   /* numbers tried when a name is taken */
};

struct dump {
	unsigned format;
	int event_fd; /* owned */
	pthread_t thread;
	bool have_thread;
	uint8_t *buf; /* owned, the thread's */

	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	/* under lock: */
	struct dump_job job;
	struct dump_result result;
	bool busy, have_job, have_result, stop, abandoned;
	char why[160];
	uint64_t written, total;
};

/* ---- on the thread ---- */

/*
 * The next chunk of generation i into buf. Bytes, 0 at its end (it is dropped then), or an error
 * with a sentence.
 */
static long dump_chunk(struct dump *d, size_t i, size_t *off, struct diag *why)
{
	long n;

	pthread_mutex_lock(&d->lock);
	if (d->abandoned) {
		n = diag_set(why, -ECANCELED, "%s", d->why);
	} else {
		n = genring_copy(&d->job.set.gens[i], i + 1, off, d->buf, CHUNK);
		if (n < 0)
			n = diag_set(why, -EBADMSG, "a generation in memory is damaged");
		else if (n == 0 || *off == d->job.set.gens[i].len)
			genring_set_drop(&d->job.set, i);
	}
	pthread_mutex_unlock(&d->lock);
	return n;
}

static int dump_gen(struct dump *d, size_t i, size_t len, struct output *out, struct diag *why)
{
	size_t off = 0;

	while (off < len) {
		long n = dump_chunk(d, i, &off, why);
		int err;

		if (n <= 0)
			return n ? (int)n : diag_set(why, -EBADMSG, "a generation is damaged");
		err = output_write(out, d->buf, (size_t)n, why);
		if (err < 0)
			return err;
		pthread_mutex_lock(&d->lock);
		d->written += (uint64_t)n;
		pthread_mutex_unlock(&d->lock);
	}
	return 0;
}

/* Under the name asked for, or with a number: "a.trace", "a.2.trace". */
static int dump_commit(const struct dump_job *job, struct output *out, struct dump_result *r)
{
	const char *dot = strrchr(job->name, '.');
	int stem = dot && dot != job->name ? (int)(dot - job->name) : (int)strlen(job->name);
	int err;

	snprintf(r->name, sizeof(r->name), "%s", job->name);
	if (job->replace)
		return output_commit(out, &r->diag);
	for (unsigned i = 2;; i++) {
		err = output_commit_as(out, r->name, &r->diag);
		if (err != -EEXIST || i > NAMES_MAX)
			return err;
		snprintf(r->name, sizeof(r->name), "%.*s.%u%s", stem < 200 ? stem : 200, job->name,
			 i, dot && dot != job->name ? dot : "");
	}
}

static int dump_write(struct dump *d, const struct dump_job *job, struct dump_result *r)
{
	struct output out;
	struct stat st;
	uint8_t header[EV_HEADER_LEN];
	int err = output_open_in(&out, job->dirfd, job->name, &r->diag);

	if (err < 0)
		return err;
	genwriter_header(d->format, header);
	err = output_write(&out, header, sizeof(header), &r->diag);
	for (size_t i = 0; i < job->set.cnt && !err; i++)
		err = dump_gen(d, i, job->set.gens[i].len, &out, &r->diag);
	if (!err)
		err = dump_commit(job, &out, r);
	if (!err && fstat(out.fd, &st) == 0) {
		r->dev = st.st_dev;
		r->ino = st.st_ino;
		(void)fsync(
			job->dirfd); /* the name; a folder that cannot be synced is no failure */
	}
	r->bytes = out.bytes;
	output_done(&out);
	return err;
}

static void dump_run(struct dump *d, const struct dump_job *job, struct dump_result *r)
{
	uint64_t start = clock_mono_ns();

	*r = (struct dump_result){ .id = job->id, .gens = job->set.cnt };
	if (job->set.cnt) {
		r->start_ns = job->set.gens[0].start_ns;
		r->end_ns = job->set.gens[job->set.cnt - 1].end_ns;
	}
	for (size_t i = 0; i < job->set.cnt; i++)
		r->events += job->set.gens[i].events;
	r->err = dump_write(d, job, r);
	if (r->err)
		diag_prefix(&r->diag, r->err, "%s", job->dir);
	snprintf(r->path, sizeof(r->path), "%s%s%s", strcmp(job->dir, ".") ? job->dir : "",
		 strcmp(job->dir, ".") ? "/" : "", r->name);
	r->took_ns = clock_mono_ns() - start;
}

static void *dump_thread(void *arg)
{
	struct dump *d = arg;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		struct dump_result r;
		struct dump_job job;
		uint64_t one = 1;

		while (!d->have_job && !d->stop)
			pthread_cond_wait(&d->wake, &d->lock);
		if (!d->have_job)
			break;
		job = d->job; /* d->job.set stays: dump_abandon drops its references */
		pthread_mutex_unlock(&d->lock);
		dump_run(d, &job, &r);
		close(job.dirfd);
		pthread_mutex_lock(&d->lock);
		genring_set_done(&d->job.set);
		d->have_job = false;
		d->result = r;
		d->have_result = true;
		pthread_cond_broadcast(&d->done);
		/* Cannot fail: the counter is 0 or 1. */
		if (write(d->event_fd, &one, sizeof(one)) < 0)
			continue;
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

/* ---- on the caller's thread ---- */

int dump_new(unsigned format, struct dump **ret)
{
	struct dump *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->format = format;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->wake, NULL);
	pthread_cond_init(&d->done, NULL);
	d->buf = malloc(CHUNK);
	d->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = !d->buf		? ENOMEM
	      : d->event_fd < 0 ? errno
				: pthread_create(&d->thread, NULL, dump_thread, d);
	if (err) {
		dump_free(d);
		return -err;
	}
	d->have_thread = true;
	*ret = d;
	return 0;
}

void dump_free(struct dump *d)
{
	if (!d)
		return;
	if (d->have_thread) {
		pthread_mutex_lock(&d->lock);
		d->stop = true;
		pthread_cond_signal(&d->wake);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->thread, NULL);
	}
	if (d->event_fd >= 0)
		close(d->event_fd);
	pthread_cond_destroy(&d->wake);
	pthread_cond_destroy(&d->done);
	pthread_mutex_destroy(&d->lock);
	free(d->buf);
	free(d);
}

int dump_fd(const struct dump *d)
{
	return d->event_fd;
}

bool dump_busy(const struct dump *d)
{
	return d->busy;
}

int dump_begin(struct dump *d, struct dump_job *job)
{
	if (d->busy)
		return -EBUSY;
	d->busy = true;
	pthread_mutex_lock(&d->lock);
	d->job = *job;
	*job = (struct dump_job){ .dirfd = -1 };
	d->have_job = true;
	d->abandoned = false;
	d->written = d->total = 0;
	for (size_t i = 0; i < d->job.set.cnt; i++)
		d->total += d->job.set.gens[i].len;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

bool dump_end(struct dump *d, bool wait, struct dump_result *ret)
{
	uint64_t n;
	bool have;

	if (!d->busy)
		return false;
	pthread_mutex_lock(&d->lock);
	while (wait && !d->have_result)
		pthread_cond_wait(&d->done, &d->lock);
	have = d->have_result;
	if (have) {
		*ret = d->result;
		d->have_result = false;
		d->busy = false;
		(void)!read(d->event_fd, &n, sizeof(n));
	}
	pthread_mutex_unlock(&d->lock);
	return have;
}

void dump_abandon(struct dump *d, const char *why)
{
	if (!d->busy)
		return;
	pthread_mutex_lock(&d->lock);
	if (d->have_job && !d->abandoned) {
		snprintf(d->why, sizeof(d->why), "%s", why);
		d->abandoned = true;
		for (size_t i = 0; i < d->job.set.cnt; i++)
			genring_set_drop(&d->job.set, i);
	}
	pthread_mutex_unlock(&d->lock);
}

void dump_progress(struct dump *d, uint64_t *ret_done, uint64_t *ret_all)
{
	pthread_mutex_lock(&d->lock);
	*ret_done = d->written;
	*ret_all = d->total;
	pthread_mutex_unlock(&d->lock);
}
