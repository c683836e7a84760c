/*
 * dump.c - a trace's events as text, a line each, through libgotrace's public header alone.
 *
 *	dump FILE          one line per event; "error: ..." and exit 1 if the trace is broken
 *	dump -c FILE       only counts and the time taken (for the benchmark)
 *	dump -a ...        with a second thread reading ahead
 *
 * readers_test.go prints the same lines from golang.org/x/exp/trace and compares.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "include/gotrace.h"

static void put_str(struct gotrace_str s)
{
	putchar('"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static uint64_t fnv(uint64_t h, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3u;
	return h;
}

/* The stack as its depth and a hash of all it says. */
static void put_stack(const char *name, const struct gotrace_stack *s)
{
	uint64_t h = 0xcbf29ce484222325u;
	char num[64];

	if (!s || !s->cnt)
		return;
	for (uint32_t i = 0; i < s->cnt; i++) {
		const struct gotrace_frame *f = s->frames[i];
		int n = snprintf(num, sizeof(num), " %" PRIu64 " %" PRIu64 "\n", f->pc, f->line);

		h = fnv(h, f->func.p, f->func.len);
		h = fnv(h, f->file.p, f->file.len);
		h = fnv(h, num, (size_t)n);
	}
	printf(" %s=%" PRIu32 ":%016" PRIx64, name, s->cnt, h);
}

static void put_resource(struct gotrace_resource r)
{
	printf(" %s", gotrace_resource_kind_name(r.kind));
	if (r.kind != GOTRACE_RESOURCE_NONE)
		printf("(%" PRId64 ")", r.id);
}

static void put_transition(const struct gotrace_transition *t)
{
	bool go = t->resource.kind == GOTRACE_RESOURCE_GOROUTINE;

	put_resource(t->resource);
	printf(" %s->%s ", go ? gotrace_go_state_name(t->from) : gotrace_proc_state_name(t->from),
	       go ? gotrace_go_state_name(t->to) : gotrace_proc_state_name(t->to));
	put_str(t->reason);
	put_stack("tstack", t->stack);
}

static void put_range(const struct gotrace_range *r)
{
	putchar(' ');
	put_str(r->name);
	put_resource(r->scope);
	if (r->has_sweep)
		printf(" swept=%" PRIu64 " reclaimed=%" PRIu64, r->swept_bytes, r->reclaimed_bytes);
}

static void put_sync(const struct gotrace_sync *s)
{
	printf(" n=%" PRIu64, s->n);
	if (s->has_clock)
		printf(" trace=%" PRId64 " mono=%" PRIu64 " wall=%" PRId64, s->clock.trace_ns,
		       s->clock.mono_ns, s->clock.wall_sec * 1000000000 + s->clock.wall_nsec);
}

static void put_task(const struct gotrace_task *t)
{
	printf(" id=%" PRIu64 " parent=%" PRIu64 " ", t->id, t->parent);
	put_str(t->type);
}

static void put_log(const struct gotrace_log *l)
{
	printf(" task=%" PRIu64 " ", l->task);
	put_str(l->category);
	putchar(' ');
	put_str(l->message);
}

static void put_experimental(const struct gotrace_experimental *x)
{
	printf(" %s", x->name);
	for (unsigned i = 0; i < x->nargs; i++)
		printf(" %s=%" PRIu64, x->arg_names[i], x->args[i]);
}

static void put_event(const struct gotrace_event *e)
{
	printf("%" PRId64 " M=%" PRId64 " P=%" PRId64 " G=%" PRId64 " %s", e->time, e->thread,
	       e->proc, e->goroutine, gotrace_kind_name(e->kind));
	switch (e->kind) {
	case GOTRACE_SYNC:
		put_sync(&e->u.sync);
		break;
	case GOTRACE_METRIC:
		printf(" %s %" PRIu64, e->u.metric.name, e->u.metric.value);
		break;
	case GOTRACE_LABEL:
		putchar(' ');
		put_str(e->u.label.label);
		put_resource(e->u.label.resource);
		break;
	case GOTRACE_RANGE_BEGIN:
	case GOTRACE_RANGE_ACTIVE:
	case GOTRACE_RANGE_END:
		put_range(&e->u.range);
		break;
	case GOTRACE_TASK_BEGIN:
	case GOTRACE_TASK_END:
		put_task(&e->u.task);
		break;
	case GOTRACE_REGION_BEGIN:
	case GOTRACE_REGION_END:
		printf(" task=%" PRIu64 " ", e->u.region.task);
		put_str(e->u.region.type);
		break;
	case GOTRACE_LOG:
		put_log(&e->u.log);
		break;
	case GOTRACE_STATE_TRANSITION:
		put_transition(&e->u.transition);
		break;
	case GOTRACE_EXPERIMENTAL:
		put_experimental(&e->u.experimental);
		break;
	default:
		break;
	}
	put_stack("stack", e->stack);
	putchar('\n');
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct gotrace_error err;
	struct gotrace_event ev;
	struct gotrace_info info;
	struct gotrace *t;
	unsigned flags = 0;
	bool count = false;
	double start = now();
	int i, rc;

	for (i = 1; i < argc - 1; i++) {
		if (!strcmp(argv[i], "-c"))
			count = true;
		else if (!strcmp(argv[i], "-a"))
			flags |= GOTRACE_AHEAD;
	}
	if (argc < 2) {
		fprintf(stderr, "usage: dump [-c] [-a] FILE\n");
		return 2;
	}
	if (gotrace_open_path(argv[argc - 1], flags, &t, &err) < 0) {
		printf("error: %s\n", err.text);
		return 1;
	}
	while ((rc = gotrace_next(t, &ev)) > 0)
		if (!count)
			put_event(&ev);
	gotrace_get_info(t, &info);
	if (rc < 0)
		printf("error: offset %" PRIu64 ": %s\n", gotrace_get_error(t)->offset,
		       gotrace_get_error(t)->text);
	if (count)
		printf("%" PRIu64 " events %" PRIu64 " bytes %.4f s %.2f Mev/s\n", info.events,
		       info.bytes, now() - start, (double)info.events / (now() - start) / 1e6);
	gotrace_close(t);
	return rc < 0;
}
