/*
 * evtext.h - an event as text, byte for byte as `go tool trace -d=parsed` prints it.
 *
 * Differences: text outside of ASCII is printed as it is if it is valid UTF-8 (Go escapes what
 * unicode.IsPrint refuses).
 *
 * Source: Go 1.27 internal/trace/event.go (Event.String), value.go; strconv/quote.go.
 */
#ifndef REPORT_EVTEXT_H
#define REPORT_EVTEXT_H

#include "base/buf.h"
#include "include/gotrace.h"

/* Appends the event's lines. out->failed tells of no memory. */
void evtext_append(struct buf *out, const struct gotrace_event *ev);

#endif
