/*
 * cursor.h - decodes the wire form: the header, batches, a thread's timed events. Judges nothing.
 *
 *	"go 1.NN trace" 00 00 00
 *	01 gen m time size  data[size]		a batch; all numbers are uvarints
 *	49 experiment gen m time size data	an experiment's batch
 *	52					end of a generation
 *	data of a thread's batch = { type dt args... }
 *
 * K1  All foreign bytes pass through a span; what does not fit is -EBADMSG with its offset.
 * K2  A cursor walks the batches of one thread; each begins with the batch's own time.
 *
 * Source: Go 1.27 internal/trace/batch.go, batchcursor.go, version/version.go.
 */
#ifndef TRACE_CURSOR_H
#define TRACE_CURSOR_H

#include <stdint.h>

#include "base/diag.h"
#include "base/span.h"
#include "trace/evspec.h"

/* What the first byte of a batch's data (or 52 in place of 01) makes of it. */
enum cursor_kind {
	BATCH_EVENTS,
	BATCH_STRINGS,
	BATCH_STACKS,
	BATCH_SAMPLES,
	BATCH_SYNC, /* the frequency alone before 25, the sync batch from 25 on */
	BATCH_EXPERIMENT,
	BATCH_END, /* end of the generation */
};

struct cursor_batch {
	enum cursor_kind kind;
	uint64_t gen, m, ts;
	size_t head_len, len; /* bytes before the data, and of it */
};

struct gotrace_stack;
struct gen_str;
struct order_g;

struct cursor_event {
	int64_t time_ns;
	uint64_t args[EV_MAX_ARGS]; /* after dt; those that the type has */
	uint32_t off;		    /* of the event in its batch's data */
	uint8_t type;
	/* Set by plain.h, when asked. */
	uint8_t plain, from, to;
	const struct gotrace_stack *stack, *own;
	const struct gen_str *reason;
	struct order_g *g;
};

enum {
	CURSOR_BLOCK = 128, /* events decoded at a time; measured: 32 cost 6 % more, 256 save 1 % */
	CURSOR_EVENT_MAX = 1 + (1 + EV_MAX_ARGS) * 10,
};

/* K3  [ev, end) of the block are decoded and not yet taken; the next block overwrites it. */
struct cursor {
	struct cursor_event *ev, *end;
	bool plain; /* what plain.h sets, is set for [ev, end) */
	struct span s;	 /* what is left of the batch behind the block */
	int64_t last_ns; /* time of the last event decoded */
	uint64_t ts;	 /* of the batch, ticks */
	double mul;	 /* ns per tick */
	struct cursor_event evs[CURSOR_BLOCK];
};

/*
 * Reads the header. 0 and the version (22, 23, 25, 26); -EBADMSG no trace; -ENOTSUP another
 * version. The sentence says what to do.
 */
int cursor_header(const void *p, size_t len, unsigned *ret_version, struct diag *d);

/* How many bytes of a batch must be in sight for cursor_batch; fewer will do at the end. */
enum { CURSOR_BATCH_MAX = 2 + 4 * 10 + 64 * 1024 };

/*
 * Reads the batch at s, header and data, without moving s. off is s's offset in the file.
 * 0 or -EBADMSG.
 */
int cursor_batch(const struct span *s, uint64_t off, unsigned version,
		 struct cursor_batch *ret_batch, struct diag *d);

/*
 * Ticks to ns as Go does it: in double precision, cut towards zero; INT64_MIN if it does not fit.
 */
static inline int64_t cursor_ns(double mul, uint64_t ticks)
{
	double v = ((int64_t)ticks >= 0 ? (double)(int64_t)ticks : (double)ticks) * mul;

	return v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

/* Sets c on a batch's data (borrowed). */
void cursor_begin(struct cursor *c, const uint8_t *data, size_t len, uint64_t ts, double mul);

/*
 * Decodes the next block. 1, or 0 at the end of the batch; -EBADMSG if the next event is damaged,
 * with *ret_why (static), and c->s.off where it begins.
 */
int cursor_fill(struct cursor *c, const char **ret_why);

#endif
