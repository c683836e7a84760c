/*
 * pprof.h - a profile in the format of pprof: gzip of one protobuf message.
 *
 * The message is small (a dozen fields, all varints and bytes), so it is written here and not by
 * libprotobuf-c, which would want its code generator on every machine that builds.
 *
 * Q1  A location is a frame: its PC as the address, one line. No mappings: names come with it.
 *
 * Source: github.com/google/pprof proto/profile.proto (field numbers); Go 1.27
 * internal/trace/traceviewer/pprof.go (sample types, period).
 */
#ifndef REPORT_PPROF_H
#define REPORT_PPROF_H

#include "base/buf.h"
#include "report/profile.h"

/* Appends the message, not compressed. 0 or -ENOMEM. */
int pprof_encode(const struct profile *p, struct buf *out);

/* Appends in's bytes as gzip. 0 or -ENOMEM. */
int pprof_gzip(const struct buf *in, struct buf *out);

#endif
