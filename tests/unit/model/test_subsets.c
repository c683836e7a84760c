/*
 * test_subsets.c - whatever records arrive, the trace is lawful.
 *
 * Streams are cut out of the captures in tests/golden/captures and made up by dice.h; then records
 * are left out, altered, moved as far as the merge may move them; the model makes a trace of what is
 * left, in every format, with short generations and long ones; the order rules judge it.
 *
 *	GOTRACE_SUBSETS=N	so many streams of each kind (10000)
 *	GOTRACE_SEED=S		begin with this seed: the one that a failure printed; with GOTRACE_SUBSETS=1
 *				it alone is run, and shrunk to the fewest records that still fail
 *	OUT=DIR			every so often a trace is left in DIR/subsets for other readers
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/rawfile.h"
#include "unit/model/dice.h"

enum { CAPTURES_MAX = 64, SAMPLES = 100, STREAM_MAX = 4096 };

struct capture_file {
	char name[64];
	void *bytes;
	struct rawfile *file;
	struct buf recs;
};

struct fixture {
	struct capture_file v[CAPTURES_MAX];
	size_t cnt;
	uint64_t seed;
	size_t runs;
};

/* ---- captures ---- */

static void capture_load(struct capture_file *c, const char *dir, const char *name)
{
	char path[512];
	struct diag d = { 0 };
	const struct rec *r;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(c->name, sizeof(c->name), "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	c->bytes = malloc((size_t)st.st_size);
	assert_non_null(c->bytes);
	assert_int_equal(read(fd, c->bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	if (rawfile_open(c->bytes, (size_t)st.st_size, &c->file, &d) < 0)
		fail_msg("%s: %s; `make golden` makes the captures anew", path, d.text);
	while ((r = rawfile_next(c->file)))
		buf_bytes(&c->recs, r, r->len);
	assert_false(c->recs.failed);
}

static const char *captures_dir(void)
{
	const char *dir = getenv("GOTRACE_CAPTURES");

	return dir ? dir : "tests/golden/captures";
}

static int setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));
	DIR *d = opendir(captures_dir());
	const struct dirent *e;
	const char *n = getenv("GOTRACE_SUBSETS"), *seed = getenv("GOTRACE_SEED");

	assert_non_null(fx);
	fx->runs = n ? strtoul(n, NULL, 0) : 10000;
	fx->seed = seed ? strtoull(seed, NULL, 0) : 1;
	while (d && fx->cnt < CAPTURES_MAX && (e = readdir(d)))
		if (e->d_name[0] != '.')
			capture_load(&fx->v[fx->cnt++], captures_dir(), e->d_name);
	if (d)
		closedir(d);
	*state = fx;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fx = *state;

	for (size_t i = 0; i < fx->cnt; i++) {
		rawfile_close(fx->v[i].file);
		buf_done(&fx->v[i].recs);
		free(fx->v[i].bytes);
	}
	free(fx);
	return 0;
}

/* ---- streams: records by their offsets in a buffer of their own ---- */

struct stream {
	struct buf recs;
	struct lab_opts opts;
};

static size_t list_records(const struct buf *recs, size_t *ret, size_t max)
{
	size_t n = 0;

	for (size_t off = 0; off < recs->len && n < max; off += lab_at(recs, off)->len)
		ret[n++] = off;
	return n;
}

/* A field of a record becomes another record's, or anything: R1 (lengths, hook's range) holds. */
static void alter(struct dice *d, struct rec *r, const struct rec *other)
{
	switch (dice_roll(d, 12)) {
	case 0:
		if ((r->hook >= HOOK_TASK_BEGIN && r->hook <= HOOK_LOG) ==
		    (other->hook >= HOOK_TASK_BEGIN && other->hook <= HOOK_LOG))
			r->hook = other->hook;
		break;
	case 1:
		r->tid = other->tid;
		break;
	case 2:
		r->goid = other->goid;
		r->g = other->g;
		break;
	case 3:
		r->goid = other->goid;
		break;
	case 4:
		r->g = other->g;
		break;
	case 5:
		r->p = other->p;
		break;
	case 6:
		r->x = other->x;
		break;
	case 7:
		r->y = other->y;
		break;
	case 8:
		r->gstatus = other->gstatus;
		break;
	case 9:
		r->flags = (uint8_t)dice_u64(d);
		break;
	case 10:
		r->x = dice_u64(d);
		break;
	default:
		r->skip = (uint16_t)dice_u64(d);
		break;
	}
}

/* Records of one time may stand in any order (merge: equal times by CPU, and CPUs are arbitrary). */
static void jumble(struct dice *d, struct buf *recs, size_t *offs, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct rec *a = (struct rec *)(recs->p + offs[i - 1]);
		struct rec *b = (struct rec *)(recs->p + offs[i]);

		if (dice_roll(d, 4) || a->hook > HOOK_BPF_END || b->hook > HOOK_BPF_END)
			continue;
		b->ts = a->ts;
		if (dice_roll(d, 2)) {
			size_t t = offs[i];

			offs[i] = offs[i - 1];
			offs[i - 1] = t;
		}
	}
}

/* The whole snapshot stands anywhere later: records of that time pass it while memory is read. */
static void move_snapshot(struct dice *d, const struct buf *recs, size_t *offs, size_t n)
{
	size_t at = dice_roll(d, (unsigned)n + 1), w = 0, k = 0;
	size_t *snap = calloc(n, sizeof(*snap)), *rest = calloc(n, sizeof(*rest)), s = 0, r = 0;

	assert_true(snap && rest);
	for (size_t i = 0; i < n; i++) {
		if (lab_at(recs, offs[i])->hook >= HOOK_SNAP_G &&
		    lab_at(recs, offs[i])->hook <= HOOK_SNAP_END)
			snap[s++] = offs[i];
		else
			rest[r++] = offs[i];
	}
	for (size_t i = 0; i <= r; i++) {
		if (i == (at < r ? at : r))
			while (k < s)
				offs[w++] = snap[k++];
		if (i < r)
			offs[w++] = rest[i];
	}
	free(snap);
	free(rest);
}

enum kind {
	KIND_PREFIX,
	KIND_SUBSET,
	KIND_BURSTS,
	KIND_ORDER,
	KIND_ALTERED,
	KIND_PAUSED,
	KIND_DICE,
	KIND_COUNT,
};

static void add_plan(struct stream *s, uint64_t ts, uint64_t flags)
{
	struct rec r = { .hook = HOOK_PLAN, .ts = ts, .y = REC_PLAN_STEP | flags };

	lab_add(&s->recs, r, NULL, 0);
}

/*
 * A pause: what happened in it is not there, and behind it stands a snapshot: the capture's own, which
 * is as wrong as one can be that was read while others ran.
 */
static void paused(struct dice *d, const struct buf *all, const size_t *offs, size_t n,
		   struct stream *s)
{
	size_t from = dice_roll(d, (unsigned)n), to = from + dice_roll(d, (unsigned)(n - from) + 1);
	unsigned keep = dice_roll(d, 101);

	for (size_t i = 0; i < n; i++) {
		const struct rec *r = lab_at(all, offs[i]);

		if (i == from)
			add_plan(s, r->ts, REC_PLAN_PAUSED);
		if (i == to) {
			add_plan(s, r->ts, REC_PLAN_RESUMED);
			for (size_t k = 0; k < n; k++) {
				const struct rec *o = lab_at(all, offs[k]);

				if (o->hook >= HOOK_SNAP_G && o->hook <= HOOK_SNAP_END &&
				    dice_roll(d, 100) < keep)
					buf_bytes(&s->recs, o, o->len);
			}
		}
		if (i < from || i >= to)
			buf_bytes(&s->recs, r, r->len);
	}
}

/* What of n records stays. */
static void choose(struct dice *d, enum kind kind, bool *keep, size_t n)
{
	unsigned rate = dice_roll(d, 100), to = dice_roll(d, (unsigned)n + 1);
	bool on = true;

	for (size_t i = 0; i < n; i++) {
		switch (kind) {
		case KIND_PREFIX:
			keep[i] = i < to;
			break;
		case KIND_BURSTS: /* a ring that is full loses runs */
			if (dice_roll(d, 12) == 0)
				on = !on;
			keep[i] = on;
			break;
		case KIND_SUBSET:
			keep[i] = dice_roll(d, 100) >= rate;
			break;
		default:
			keep[i] = dice_roll(d, 20) != 0;
			break;
		}
	}
}

/* The stream of a seed: the same for ever, as long as the captures are. */
static void make_stream(const struct fixture *fx, enum kind kind, uint64_t seed, struct stream *s)
{
	struct dice d = { .state = seed * 0x9e3779b97f4a7c15ULL + kind };
	static size_t offs[STREAM_MAX];
	static bool keep[STREAM_MAX];
	const struct capture_file *c;
	struct buf all = { 0 };
	size_t n;

	s->opts = dice_opts(&d);
	if (kind == KIND_DICE || !fx->cnt) {
		dice_stream(&d, &s->recs, 1 + dice_roll(&d, 120));
		return;
	}
	c = &fx->v[dice_roll(&d, (unsigned)fx->cnt)];
	if (dice_roll(&d, 8))
		s->opts.go_minor = rawfile_meta(c->file)->go_minor;
	s->opts.gen_ns *= dice_roll(&d, 2) ? 1 : 1000;
	buf_bytes(&all, c->recs.p, c->recs.len);
	n = list_records(&all, offs, STREAM_MAX);
	if (kind == KIND_ORDER) {
		jumble(&d, &all, offs, n);
		move_snapshot(&d, &all, offs, n);
	}
	if (kind == KIND_ALTERED)
		for (unsigned i = 1 + dice_roll(&d, 40); i; i--)
			alter(&d, (struct rec *)(all.p + offs[dice_roll(&d, (unsigned)n)]),
			      lab_at(&all, offs[dice_roll(&d, (unsigned)n)]));
	if (kind == KIND_PAUSED) {
		paused(&d, &all, offs, n, s);
		buf_done(&all);
		return;
	}
	choose(&d, kind, keep, n);
	for (size_t i = 0; i < n; i++)
		if (keep[i])
			buf_bytes(&s->recs, all.p + offs[i], lab_at(&all, offs[i])->len);
	buf_done(&all);
}

/* 0 if the stream's trace is lawful. */
static int judge(const struct stream *s, struct buf *trace, struct diag *d)
{
	int err = lab_run(&s->opts, &s->recs, trace, NULL);

	if (err)
		return diag_set(d, err, "the model gave %d", err);
	return trace->len > 16 ? lab_judge(trace, NULL, d) : 0;
}

/* ---- shrinking: fewer records that still fail, each try in a child ---- */

static bool still_fails(const struct stream *s)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct buf trace = { 0 };
		struct diag d;

		close(STDERR_FILENO);
		for (int sig = 1; sig < 32; sig++)
			signal(sig, SIG_DFL);
		alarm(10);
		_exit(judge(s, &trace, &d) ? 1 : 0);
	}
	return waitpid(pid, &status, 0) == pid && status != 0;
}

static void print_stream(const struct stream *s)
{
	print_message("format %u, go 1.%u, gen_ns %llu, gen_bytes %zu, unblock %d\n", s->opts.format,
		      s->opts.go_minor, (unsigned long long)s->opts.gen_ns, s->opts.gen_bytes,
		      !s->opts.no_unblock);
	for (size_t off = 0; off < s->recs.len; off += lab_at(&s->recs, off)->len) {
		const struct rec *r = lab_at(&s->recs, off);

		print_message("ts %llu tid %u hook %u goid %llu g %llx p %llx x %llx y %llx st %x "
			      "fl %x npc %u\n",
			      (unsigned long long)r->ts, r->tid, r->hook, (unsigned long long)r->goid,
			      (unsigned long long)r->g, (unsigned long long)r->p,
			      (unsigned long long)r->x, (unsigned long long)r->y, r->gstatus,
			      r->flags, r->npc);
	}
}

static void shrink(const struct stream *s)
{
	static size_t offs[STREAM_MAX];
	struct stream best = { .opts = s->opts };

	buf_bytes(&best.recs, s->recs.p, s->recs.len);
	for (size_t step = STREAM_MAX; step; step /= 2) {
		for (size_t at = 0;;) {
			struct stream next = { .opts = s->opts };
			size_t n = list_records(&best.recs, offs, STREAM_MAX);

			if (at >= n)
				break;
			for (size_t i = 0; i < n; i++)
				if (i < at || i >= at + step)
					buf_bytes(&next.recs, best.recs.p + offs[i],
						  lab_at(&best.recs, offs[i])->len);
			if (next.recs.len < best.recs.len && still_fails(&next)) {
				buf_done(&best.recs);
				best = next;
			} else {
				buf_done(&next.recs);
				at += step;
			}
		}
	}
	print_stream(&best);
	buf_done(&best.recs);
}

/* ---- tests ---- */

static void keep_sample(const struct buf *trace, enum kind kind, uint64_t seed)
{
	const char *out = getenv("OUT");
	char path[512];
	int fd;

	if (!out)
		return;
	snprintf(path, sizeof(path), "%s/subsets", out);
	(void)mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/subsets/%d-%llu.trace", out, kind, (unsigned long long)seed);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	if (write(fd, trace->p, trace->len) != (ssize_t)trace->len)
		fail_msg("cannot write %s", path);
	close(fd);
}

/* A failed assertion of the model ends the program: say with which seed. */
static struct {
	uint64_t seed;
	int kind;
} now;

static void on_abort(int sig)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "[  FAILED  ] kind %d, seed %llu: signal %d\n", now.kind,
			 (unsigned long long)now.seed, sig);

	if (write(STDOUT_FILENO, text, (size_t)n) != n)
		_exit(3);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void run_kind(struct fixture *fx, enum kind kind)
{
	struct buf trace = { 0 };

	signal(SIGABRT, on_abort);
	for (size_t i = 0; i < fx->runs; i++) {
		struct stream s = { 0 };
		struct diag d = { 0 };

		now.kind = kind;
		now.seed = fx->seed + i;
		make_stream(fx, kind, now.seed, &s);
		if (fx->runs == 1 && still_fails(&s))
			shrink(&s);
		if (judge(&s, &trace, &d)) {
			print_message("kind %d, seed %llu: %s\n", kind, (unsigned long long)now.seed,
				      d.text);
			keep_sample(&trace, kind, now.seed);
			fail();
		}
		if (i % (fx->runs / SAMPLES + 1) == 0 && trace.len > 16)
			keep_sample(&trace, kind, now.seed);
		buf_done(&s.recs);
	}
	buf_done(&trace);
	signal(SIGABRT, SIG_DFL);
}

static void test_captures_are_there(void **state)
{
	struct fixture *fx = *state;

	assert_true(fx->cnt >= 10);
	for (size_t i = 0; i < fx->cnt; i++) {
		struct stream s = { .opts = { .gen_ns = 1000000000, .gen_bytes = 1 << 20 } };
		struct trace_counts c;
		struct buf trace = { 0 };
		struct diag d = { 0 };

		s.opts.format = rawfile_meta(fx->v[i].file)->format;
		s.opts.go_minor = rawfile_meta(fx->v[i].file)->go_minor;
		s.recs = fx->v[i].recs;
		if (judge(&s, &trace, &d) < 0)
			fail_msg("%s: %s", fx->v[i].name, d.text);
		assert_int_equal(lab_judge(&trace, &c, &d), 0);
		assert_true(c.events > 100);
		buf_done(&trace);
	}
}

static void test_prefixes(void **state)
{
	run_kind(*state, KIND_PREFIX);
}

static void test_subsets(void **state)
{
	run_kind(*state, KIND_SUBSET);
}

static void test_bursts_lost(void **state)
{
	run_kind(*state, KIND_BURSTS);
}

static void test_other_orders(void **state)
{
	run_kind(*state, KIND_ORDER);
}

static void test_altered(void **state)
{
	run_kind(*state, KIND_ALTERED);
}

static void test_pauses(void **state)
{
	run_kind(*state, KIND_PAUSED);
}

static void test_made_up(void **state)
{
	run_kind(*state, KIND_DICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captures_are_there), cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_subsets),		   cmocka_unit_test(test_bursts_lost),
		cmocka_unit_test(test_other_orders),	   cmocka_unit_test(test_altered),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_made_up),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
