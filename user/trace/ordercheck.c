#include "trace/ordercheck.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "trace/reader.h"

/* Counts one event that may come; -EBADMSG if the header's version does not have it. */
static int check_event(struct trace_counts *c, const struct reader_event *e, struct diag *d)
{
	const struct order_event *ev = e->ev;

	if (ev->type == ORDER_SYNC)
		return 0;
	if (evspec_table[ev->type].since > c->version)
		return diag_set(
			d, -EBADMSG, "generation %llu: %s: there is no such event in format 1.%u",
			(unsigned long long)e->gen->gen, evspec_table[ev->type].name, c->version);
	c->events++;
	c->types[ev->type]++;
	if (!c->first_ns)
		c->first_ns = ev->time_ns;
	c->last_ns = ev->time_ns;
	switch (ev->type) {
	case EV_GO_CREATE:
	case EV_GO_CREATE_BLOCKED:
	case EV_GO_CREATE_SYSCALL:
		c->goroutines++;
		break;
	case EV_GO_STATUS:
	case EV_GO_STATUS_STACK:
		c->goroutines += ev->from == GOTRACE_GO_UNDETERMINED;
		break;
	default:
		break;
	}
	return 0;
}

/* Takes s over. */
static int check_source(struct source *s, struct trace_counts *ret, struct diag *d)
{
	struct trace_counts c = { 0 };
	struct reader_stats st;
	struct reader *r;
	struct reader_event e;
	int rc = reader_new(s, false, &r, d);

	*ret = c;
	if (rc < 0)
		return rc;
	c.version = reader_get_version(r);
	while ((rc = reader_next(r, &e, d)) > 0) {
		rc = check_event(&c, &e, d);
		if (rc < 0)
			break;
	}
	reader_get_stats(r, &st);
	c.generations = st.generations;
	c.bytes = st.bytes;
	c.gen_bytes_max = st.gen_bytes_max;
	c.procs = st.counts.ps;
	*ret = c;
	reader_free(r);
	return rc;
}

int order_check_mem(const void *p, size_t n, struct trace_counts *ret, struct diag *d)
{
	struct source s;
	int err = source_open_mem(&s, p, n);

	if (err < 0)
		return diag_set(d, err, "%s", strerror(-err));
	return check_source(&s, ret, d);
}

static int check_fd(int fd, bool owned, struct trace_counts *ret, struct diag *d)
{
	struct source s;
	int err = source_open_fd(&s, fd, owned);

	if (err < 0)
		return diag_set(d, err, "cannot read: %s", strerror(-err));
	return check_source(&s, ret, d);
}

int order_check_fd(int fd, struct trace_counts *ret, struct diag *d)
{
	return check_fd(fd, false, ret, d);
}

int order_check_path(const char *path, struct trace_counts *ret, struct diag *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return diag_set(d, -errno, "cannot open: %s", strerror(errno));
	return check_fd(fd, true, ret, d);
}
