#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "capture/note.h"
#include "cmd/flightrec.h"
#include "trace/evspec.h"

enum {
	CUT_PATIENCE_MS = 200, /* a generation cannot end while the world is stopped */
	NOTE_PATIENCE_MS = 50, /* the trigger's note waits for a goroutine that runs */
	GENS_MIN = 8,	       /* generations that fit a window, of time and of bytes */
	GEN_MIN_BYTES = 64 * 1024,
	GEN_MIN_NS = 100 * 1000 * 1000,
};

/* ---- opening ---- */

/* The folder must take files now: not at the first dump, when it would be too late. */
static int try_dir(int dirfd, const char *dir, struct diag *d)
{
	struct output out;
	int err = output_open_in(&out, dirfd, "gotrace-bpf", d);

	output_done(&out);
	return err < 0 ? diag_set(d, err,
				  "%s: dumps cannot be written here: %s; choose another "
				  "folder with -o",
				  dir, strerror(-err))
		       : 0;
}

static bool same_dir(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

int flight_open_dir(struct flight *f, struct diag *d)
{
	int fd = open(f->naming.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;
	bool same;

	if (fd < 0)
		return diag_set(d, -errno, "%s: cannot open the folder of dumps: %s", f->naming.dir,
				strerror(errno));
	err = try_dir(fd, f->naming.dir, d);
	if (err < 0) {
		close(fd);
		return err;
	}
	same = f->dirfd >= 0 && same_dir(f->dirfd, fd);
	if (f->dirfd >= 0)
		close(f->dirfd);
	f->dirfd = fd;
	if (same)
		f->shelf.dirfd = fd;
	else
		shelf_forget(&f->shelf, fd);
	return 0;
}

struct genring_opts flight_ring_opts(const struct flight_opts *fo)
{
	struct genring_opts ro = {
		.window_ns = fo->window_ns, .bytes = fo->bytes, .touch = fo->bytes_given};

	ro.gen_bytes = fo->bytes / GENS_MIN;
	if (ro.gen_bytes > JOIN_GEN_BYTES)
		ro.gen_bytes = JOIN_GEN_BYTES;
	if (ro.gen_bytes < GEN_MIN_BYTES)
		ro.gen_bytes = GEN_MIN_BYTES;
	return ro;
}

int flight_open_dumps(struct flight *f, struct diag *d)
{
	const struct flight_opts *fo = &f->o->flight;
	struct genring_opts ro = flight_ring_opts(fo);
	struct join_opts jo = { .format = f->o->format,
				.gen_bytes = ro.gen_bytes,
				.sink = flight_take_gen,
				.ctx = f };
	int err;

	f->q.after_ns = fo->after_ns;
	f->q.min_interval_ns = fo->min_interval_ns;
	f->shelf.max_files = fo->max_dumps;
	f->shelf.max_bytes = fo->max_disk;
	target_name(capture_target(f->s.capture), f->command);
	/* Four generations and more in a window of time, none longer than usual. */
	if (fo->window_ns && fo->window_ns / 4 < JOIN_GEN_MS * 1000000ULL)
		jo.gen_ns = fo->window_ns / 4 > GEN_MIN_NS ? fo->window_ns / 4 : GEN_MIN_NS;
	err = join_live(&f->s.join, f->s.capture, &jo, d);
	if (err < 0)
		return err;
	f->ring = genring_new(&ro);
	f->limit = ro.bytes;
	if (!f->ring)
		return diag_set(d, -ENOMEM, "-F: no memory for a window of so many bytes");
	err = dump_new(f->s.join.meta.format, &f->dump);
	return err < 0 ? diag_set(d, err, "cannot start the thread that writes dumps: %s",
				  strerror(-err))
		       : 0;
}

void flight_close_dumps(struct flight *f)
{
	dump_free(f->dump);
	genring_free(f->ring);
	f->dump = NULL;
	f->ring = NULL;
}

/* ---- generations in ---- */

static void tell_short(struct flight *f)
{
	struct genring_stat st;
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX], c[PARSE_TEXT_MAX];

	genring_get_stat(f->ring, &st);
	if (f->told_short || !f->o->flight.window_ns || !st.evicted_by_bytes)
		return;
	f->told_short = true;
	log_warn("-F: %s do not fit in %s at this rate of events: the size wins, about %s are kept",
		 parse_fmt_ns(f->o->flight.window_ns, a), parse_fmt_bytes(f->o->flight.bytes, b),
		 parse_fmt_ns(st.end_ns - st.start_ns, c));
}

static void tell_too_big(struct flight *f, const struct model_gen *gen)
{
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX];

	if (f->too_big++)
		return;
	log_warn("-F: a single generation takes %s and %s are allowed: nothing can be kept; the "
		 "goroutines alone take that much, give -F a larger size",
		 parse_fmt_bytes(gen->len, a), parse_fmt_bytes(f->o->flight.bytes, b));
}

int flight_take_gen(void *ctx, const struct model_gen *gen)
{
	struct flight *f = ctx;
	struct genring_gen g = { .start_ns = gen->start_ns,
				 .end_ns = gen->end_ns,
				 .events = gen->events,
				 .bytes = gen->bytes,
				 .len = gen->len };
	int err = genring_add(f->ring, &g);

	if (err == -EBUSY) {
		/* The window comes first: it must not have holes. */
		dump_abandon(f->dump, "the disk is slower than the recording, and the memory for "
				      "both was used up: the dump was given up, recording goes on");
		f->abandoned++;
		err = genring_add(f->ring, &g);
	}
	if (err == -E2BIG || err == -EBUSY) {
		tell_too_big(f, gen);
		return 0;
	}
	tell_short(f);
	return err;
}

/* ---- dumps out ---- */

int flight_trigger(struct flight *f, const struct trigger *t, uint64_t *ret_id)
{
	int n = triggers_add(&f->q, t, ret_id);

	if (n == 0)
		log_debug("trigger (%s) joins dump %" PRIu64, t->reason, *ret_id);
	return n;
}

void flight_note(struct flight *f, uint64_t ts, const char *text)
{
	struct note n;

	note_make(ts, text, &n);
	/* An error is sticky in the model and told by the next record. */
	(void)model_record(f->s.join.model, &n.r);
}

/* A file that was asked for by its path; else the folder and the template. */
static int job_place(struct flight *f, const struct trigger *t, struct dump_job *job,
		     struct diag *d)
{
	struct naming_fields nf = { .command = f->command,
				    .pid = capture_target(f->s.capture)->pid,
				    .real_ns = clock_ns(CLOCK_REALTIME),
				    .n = t->id,
				    .reason = t->reason };
	const char *slash = strrchr(t->file, '/');

	nf.real_ns -= clock_mono_ns() - t->at_ns;
	if (!t->file[0]) {
		naming_make(&f->naming, &nf, job->name);
		snprintf(job->dir, sizeof(job->dir), "%s", f->naming.dir);
		job->replace = !f->naming.unique;
		job->dirfd = fcntl(f->dirfd, F_DUPFD_CLOEXEC, 3);
	} else {
		if (!slash || !slash[1] || strlen(slash + 1) >= sizeof(job->name))
			return diag_set(d, -EINVAL, "%s: not the path of a file", t->file);
		snprintf(job->name, sizeof(job->name), "%s", slash + 1);
		snprintf(job->dir, sizeof(job->dir), "%.*s", (int)(slash - t->file), t->file);
		job->replace = true;
		job->dirfd = open(job->dir[0] ? job->dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (job->dirfd < 0)
		return diag_set(d, -errno, "%s: cannot open the folder: %s", job->dir,
				strerror(errno));
	return 0;
}

static void say_result(struct flight *f, const struct dump_result *r)
{
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX], c[PARSE_TEXT_MAX], e[PARSE_TEXT_MAX];

	progress_clear(&f->progress);
	if (r->err) {
		log_error("dump %" PRIu64 " failed: %s", r->id, r->diag.text);
		return;
	}
	log_info("dump %" PRIu64 ": %s, %s events in %" PRIu64
		 " generations, %s, written in %s: %s",
		 r->id, parse_fmt_ns(r->end_ns - r->start_ns, a), parse_fmt_count(r->events, b),
		 r->gens, parse_fmt_bytes(r->bytes, c), parse_fmt_ns(r->took_ns, e), r->path);
}

static void dump_ended(struct flight *f, const struct dump_result *r)
{
	struct shelf_file sf = { .bytes = r->bytes, .dev = r->dev, .ino = r->ino };

	say_result(f, r);
	if (f->ctl)
		ctl_answer(f->ctl, r->id, !r->err, r->err ? r->diag.text : r->path);
	if (r->err) {
		f->failed++;
	} else {
		f->dumps++;
		f->dump_bytes += r->bytes;
		snprintf(f->last_path, sizeof(f->last_path), "%s", r->path);
		snprintf(sf.name, sizeof(sf.name), "%s", r->name);
		if (!f->q.cur.file[0] && shelf_add(&f->shelf, &sf) < 0)
			log_warn("no memory to remember %s: it will not be removed", r->path);
	}
	triggers_end(&f->q);
}

/* A dump that could not even begin. */
static void dump_unable(struct flight *f, int err, const struct diag *d)
{
	struct dump_result r = { .id = f->q.cur.id, .err = err, .diag = *d };

	triggers_begin(&f->q, clock_mono_ns());
	dump_ended(f, &r);
}

static void begin_dump(struct flight *f)
{
	const struct trigger *t = &f->q.cur;
	uint64_t last = t->last_ns ? t->last_ns : f->o->flight.last_ns;
	struct dump_job job = { .id = t->id, .dirfd = -1 };
	struct diag d = { 0 };
	struct genring_stat st;
	uint64_t bytes = EV_HEADER_LEN;
	int err;

	genring_get_stat(f->ring, &st);
	if (!st.gens)
		err = diag_set(&d, -ENODATA,
			       f->too_big ? "a generation is larger than what -F allows"
					  : "nothing is kept yet");
	else
		err = genring_hold(f->ring, last && last < st.end_ns ? st.end_ns - last : 0,
				   &job.set);
	if (!err)
		err = job_place(f, t, &job, &d);
	if (err) {
		genring_set_done(&job.set);
		dump_unable(f, err, &d);
		return;
	}
	for (size_t i = 0; i < job.set.cnt; i++)
		bytes += job.set.gens[i].len;
	if (!t->file[0])
		(void)shelf_room(&f->shelf, bytes);
	triggers_begin(&f->q, clock_mono_ns());
	err = dump_begin(f->dump, &job);
	if (err) { /* cannot be: q says that none is under way */
		close(job.dirfd);
		genring_set_done(&job.set);
		triggers_end(&f->q);
	}
}

/* Ends the open generation; false: not now (the world is stopped), try again. */
static bool cut(struct flight *f)
{
	struct genring_stat before, after;
	uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID), took;

	genring_get_stat(f->ring, &before);
	/* An error is sticky in the model and told by the next record. */
	(void)model_cut(f->s.join.model);
	took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
	if (took > f->cut_ns)
		f->cut_ns = took;
	genring_get_stat(f->ring, &after);
	return after.added != before.added ||
	       clock_mono_ns() > triggers_due(&f->q) + CUT_PATIENCE_MS * 1000000ULL;
}

void flight_dumps(struct flight *f)
{
	struct dump_result r;
	uint64_t due;

	if (dump_end(f->dump, false, &r))
		dump_ended(f, &r);
	due = triggers_due(&f->q);
	if (due == UINT64_MAX)
		return;
	if (model_owes_note(f->s.join.model) &&
	    clock_mono_ns() < due + NOTE_PATIENCE_MS * 1000000ULL)
		return;
	/* Only when all records up to then were taken. */
	if (due <= f->s.polled_ns && cut(f)) {
		begin_dump(f);
		return;
	}
	if (due <= clock_mono_ns() + SESSION_POLL_MS * 1000000ULL)
		f->s.hurry = true;
}

void flight_wait_dump(struct flight *f)
{
	struct dump_result r;

	if (dump_end(f->dump, true, &r))
		dump_ended(f, &r);
}

int flight_last_dump(struct flight *f, const char *reason)
{
	struct trigger t = { .at_ns = clock_mono_ns() };
	uint64_t id, failed;

	snprintf(t.reason, sizeof(t.reason), "%s", reason);
	flight_wait_dump(f);
	failed = f->failed;
	/* What still waits is in this one, too. */
	f->q.have_next = false;
	f->q.state = TRIG_IDLE;
	(void)triggers_add(&f->q, &t, &id);
	begin_dump(f);
	flight_wait_dump(f);
	return f->failed > failed ? -EIO : 0;
}
