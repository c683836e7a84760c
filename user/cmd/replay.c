#include "cmd/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/scope.h"
#include "capture/rawfile.h"
#include "cmd/join.h"
#include "cmd/options.h"
#include "cmd/output.h"

struct replay {
	const char *in, *out;
	unsigned format;
	bool quiet;
};

static int replay_options(int argc, char **argv, struct replay *r, struct diag *d)
{
	static const struct option longs[] = { { "output", required_argument, NULL, 'o' },
					       { "format", required_argument, NULL, 'f' },
					       { "quiet", no_argument, NULL, 'q' },
					       { NULL, 0, NULL, 0 } };
	int c, err;

	optind = 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":o:q", longs, NULL)) != -1) {
		switch (c) {
		case 'o':
			r->out = optarg;
			break;
		case 'q':
			r->quiet = true;
			break;
		case 'f':
			err = options_format(optarg, &r->format, d);
			if (err < 0)
				return err;
			break;
		default:
			return diag_set(d, -EINVAL, "replay: option '%s' is unknown or lacks its value",
					argv[optind - 1]);
		}
	}
	if (optind + 1 != argc || !r->out)
		return diag_set(d, -EINVAL, REPLAY_USAGE);
	r->in = argv[optind];
	return 0;
}

static int replay_records(struct rawfile *f, struct join *j, struct diag *d)
{
	const struct rec *r;
	int err = 0;

	while (!err && (r = rawfile_next(f)))
		err = model_record(j->model, r);
	if (err)
		*d = j->diag;
	return err ? err : join_finish(j, d);
}

static int replay_bytes(const struct replay *r, const void *p, size_t len, struct diag *d)
{
	struct rawfile *f;
	struct output out;
	struct join j;
	int err = rawfile_open(p, len, &f, d);

	if (err < 0)
		return diag_prefix(d, err, "%s", r->in);
	if (!rawfile_whole(f))
		log_warn("%s: the capture was cut short; replaying what is there", r->in);
	err = output_open(&out, r->out, d);
	if (err < 0) {
		rawfile_close(f);
		return err;
	}
	err = join_replay(&j, f, r->format, &out, d);
	if (!err) {
		err = replay_records(f, &j, d);
		if (!err)
			err = output_commit(&out, d);
		if (!err && !r->quiet) {
			const struct model_stats *s = model_get_stats(j.model);
			char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX];

			fprintf(stderr, "replayed %s records into %s events\n",
				parse_fmt_count(s->records, a), parse_fmt_count(s->events, b));
		}
	}
	join_done(&j);
	output_done(&out);
	rawfile_close(f);
	return err;
}

static int replay_file(const struct replay *r, struct diag *d)
{
	SCOPED_FD int fd = open(r->in, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;
	int err;

	if (fd < 0 || fstat(fd, &st) < 0)
		return diag_set(d, -errno, "%s: cannot open: %s", r->in, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return diag_set(d, -EINVAL, "%s: not a capture file (made with --capture)", r->in);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return diag_set(d, -errno, "%s: cannot map: %s", r->in, strerror(errno));
	err = replay_bytes(r, p, (size_t)st.st_size, d);
	munmap(p, (size_t)st.st_size);
	return err;
}

int cmd_replay(int argc, char **argv)
{
	struct replay r = { 0 };
	struct diag d = { 0 };
	int err = replay_options(argc, argv, &r, &d);

	if (err < 0) {
		log_error("%s", d.text);
		return EXIT_USAGE;
	}
	err = replay_file(&r, &d);
	if (err) {
		log_error("%s", d.text[0] ? d.text : strerror(-err));
		return EXIT_FAILED;
	}
	return EXIT_FINE;
}
