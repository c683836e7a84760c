/* wire.h - small traces for tests: batches written as rawtext, sizes computed. */
#ifndef TEST_TRACE_WIRE_H
#define TEST_TRACE_WIRE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "trace/evspec.h"
#include "trace/rawtext.h"

/* A header of this version. */
static inline void wire_head(struct buf *w, unsigned version)
{
	char head[17] = { 0 };

	snprintf(head, sizeof(head), "go 1.%u trace", version);
	buf_bytes(w, head, 16);
}

/* The wire form of events alone. */
static inline void wire_events(struct buf *w, const char *events)
{
	struct buf text = { 0 }, wire = { 0 };
	struct diag d = { 0 };

	buf_printf(&text, "Trace Go1.26\n%s", events);
	if (rawtext_to_wire((const char *)text.p, text.len, &wire, &d) < 0)
		fail_msg("%s: %s", d.text, events);
	buf_bytes(w, wire.p + 16, wire.len - 16);
	buf_done(&text);
	buf_done(&wire);
}

static inline void wire_batch(struct buf *w, uint64_t gen, uint64_t m, uint64_t ts,
			      const char *events)
{
	struct buf body = { 0 };

	wire_events(&body, events);
	buf_u8(w, 1);
	buf_uvarint(w, gen);
	buf_uvarint(w, m);
	buf_uvarint(w, ts);
	buf_uvarint(w, body.len);
	buf_bytes(w, body.p, body.len);
	buf_done(&body);
}

/* The clocks of a generation: 1 tick is 1 ns. */
static inline void wire_sync(struct buf *w, unsigned version, uint64_t gen)
{
	wire_batch(w, gen, UINT64_MAX, 1,
		   version < 25 ? "Frequency freq=1000000000"
				: "Sync\nFrequency freq=1000000000\n"
				  "ClockSnapshot dt=9 mono=77 sec=1000 nsec=5");
}

static inline void wire_end(struct buf *w, unsigned version)
{
	if (version >= 26)
		buf_u8(w, 52);
}

/* A whole trace of version 22 and one generation: thread 7's events from time 100 on. */
static inline void wire_one(struct buf *w, const char *events)
{
	wire_head(w, 22);
	wire_sync(w, 22, 1);
	wire_batch(w, 1, 7, 100, events);
}

/* P 0 and goroutine 1 run on the thread. */
#define RUNNING "ProcStatus dt=1 p=0 pstatus=1\nGoStatus dt=1 g=1 m=7 gstatus=2\n"

#endif
