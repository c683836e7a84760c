/*
 * fuzz_reader.c - the whole public API of libgotrace, the validator and rawtext, on any bytes.
 *
 * The first byte chooses: 1 read from a descriptor, too, 2 with a thread ahead, 4 as text, too; the
 * rest is the file. Every string, frame and name that an event holds is read, so that a borrowed
 * pointer that is not good shows. Both ways of reading must agree, and text made of wire must give
 * the same wire again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "include/gotrace.h"
#include "trace/ordercheck.h"
#include "trace/rawtext.h"

static void require(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_reader: %s\n", what);
	abort();
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x9e3779b97f4a7c15ULL + (h >> 29);
}

static uint64_t eat_str(uint64_t h, struct gotrace_str s)
{
	require(s.p && !s.p[s.len], "a string is not terminated");
	for (size_t i = 0; i < s.len; i++)
		h = mix(h, (uint8_t)s.p[i]);
	return mix(h, s.len);
}

static uint64_t eat_stack(uint64_t h, const struct gotrace_stack *s)
{
	if (!s)
		return h;
	require(s->id && s->cnt <= 128, "a stack is out of its bounds");
	for (uint32_t i = 0; i < s->cnt; i++) {
		h = mix(h, s->frames[i]->pc + s->frames[i]->line);
		h = eat_str(h, s->frames[i]->func);
		h = eat_str(h, s->frames[i]->file);
	}
	return mix(h, s->hash);
}

static uint64_t eat_transition(uint64_t h, const struct gotrace_transition *t)
{
	bool go = t->resource.kind == GOTRACE_RESOURCE_GOROUTINE;

	require(go || t->resource.kind == GOTRACE_RESOURCE_PROC, "a transition of nothing");
	require(t->from < (go ? (int)GOTRACE_GO_STATE_COUNT : (int)GOTRACE_PROC_STATE_COUNT) &&
			t->to < (go ? (int)GOTRACE_GO_STATE_COUNT : (int)GOTRACE_PROC_STATE_COUNT),
		"a state that does not exist");
	h = mix(h, (uint64_t)t->resource.id + t->from * 8u + t->to);
	h = eat_str(h, t->reason);
	return eat_stack(h, t->stack);
}

static uint64_t eat_event(uint64_t h, const struct gotrace_event *e)
{
	h = mix(h, e->kind * 256u + e->wire_type);
	h = mix(mix(h, (uint64_t)e->time), (uint64_t)(e->goroutine ^ e->proc ^ e->thread));
	h = eat_stack(h, e->stack);
	switch (e->kind) {
	case GOTRACE_SYNC:
		return mix(h, e->u.sync.n + (e->u.sync.has_clock ? e->u.sync.clock.mono_ns : 0));
	case GOTRACE_METRIC:
		return mix(h, strlen(e->u.metric.name) + e->u.metric.value);
	case GOTRACE_LABEL:
		return eat_str(h, e->u.label.label);
	case GOTRACE_RANGE_BEGIN:
	case GOTRACE_RANGE_ACTIVE:
	case GOTRACE_RANGE_END:
		return eat_str(mix(h, (uint64_t)e->u.range.scope.id), e->u.range.name);
	case GOTRACE_TASK_BEGIN:
	case GOTRACE_TASK_END:
		return eat_str(mix(h, e->u.task.id + e->u.task.parent), e->u.task.type);
	case GOTRACE_REGION_BEGIN:
	case GOTRACE_REGION_END:
		return eat_str(mix(h, e->u.region.task), e->u.region.type);
	case GOTRACE_LOG:
		return eat_str(eat_str(mix(h, e->u.log.task), e->u.log.category), e->u.log.message);
	case GOTRACE_STATE_TRANSITION:
		return eat_transition(h, &e->u.transition);
	case GOTRACE_EXPERIMENTAL:
		for (unsigned i = 0; i < e->u.experimental.nargs; i++)
			h = mix(h,
				strlen(e->u.experimental.arg_names[i]) + e->u.experimental.args[i]);
		return h;
	case GOTRACE_STACK_SAMPLE:
		return h;
	default:
		require(0, "an event without a kind");
		return h;
	}
}

/* Reads all of t: a hash of it and of how it ended. */
static uint64_t eat_all(struct gotrace *t, int *ret_rc)
{
	struct gotrace_event e;
	struct gotrace_info info;
	int64_t last = INT64_MIN;
	uint64_t h = 1, n = 0;
	int rc;

	while ((rc = gotrace_next(t, &e)) > 0) {
		require(n ? e.time != last : e.kind == GOTRACE_SYNC,
			"time stands still, or no SYNC");
		require(strcmp(gotrace_kind_name(e.kind), "Bad") != 0, "a kind without a name");
		last = e.time;
		h = eat_event(h, &e);
		n++;
	}
	gotrace_get_info(t, &info);
	require(info.events == n, "events are miscounted");
	require(gotrace_next(t, &e) == rc, "the end does not stay");
	require((rc < 0) == (gotrace_get_error(t)->code < 0), "an error is not told");
	require(rc == 0 || gotrace_get_error(t)->text[0], "an error without a sentence");
	*ret_rc = rc;
	return h;
}

static int file_of(const uint8_t *p, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, p, n) == (ssize_t)n && !lseek(fd, 0, SEEK_SET),
		"no memory file");
	return fd;
}

static void check_text(const uint8_t *p, size_t n)
{
	struct buf text = { 0 }, wire = { 0 }, again = { 0 };
	struct diag d;

	if (!rawtext_from_wire(p, n, &text, &d)) {
		require(!rawtext_to_wire((const char *)text.p, text.len, &wire, &d),
			"our text is not read");
		require(!rawtext_from_wire(wire.p, wire.len, &again, &d), "our wire is not read");
		require(again.len == text.len && !memcmp(again.p, text.p, text.len),
			"the text changed");
	}
	buf_reset(&wire);
	(void)rawtext_to_wire((const char *)p, n, &wire, &d);
	buf_done(&text);
	buf_done(&wire);
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gotrace_error err = { 0 };
	struct trace_counts counts;
	struct gotrace *t;
	struct diag d;
	uint64_t h = 0;
	int rc = 0, checked, other = 0;
	uint8_t how = size ? data[0] : 0;

	if (size) {
		data++;
		size--;
	}
	checked = order_check_mem(data, size, &counts, &d);
	if (gotrace_open_mem(data, size, 0, &t, &err) < 0) {
		require(checked < 0 && err.code < 0 && err.text[0], "opened or not?");
	} else {
		h = eat_all(t, &rc);
		gotrace_close(t);
		require(rc >= 0 || checked < 0, "the validator is less strict than the reader");
		if (how & 1) {
			int fd = file_of(data, size);

			require(!gotrace_open_fd(fd, how & 2 ? GOTRACE_AHEAD : 0, &t, &err),
				"opened once only");
			require(eat_all(t, &other) == h && other == rc,
				"two ways of reading differ");
			gotrace_close(t);
			close(fd);
		}
	}
	if (how & 4)
		check_text(data, size);
	return 0;
}
