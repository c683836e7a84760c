/*
 * jsonout.h - a report as JSON, as docs/report-json.md has it. Nothing is worked out here.
 */
#ifndef REPORT_JSONOUT_H
#define REPORT_JSONOUT_H

#include "base/json.h"
#include "report/report.h"

#define JSONOUT_SCHEMA "gotrace-bpf report 1"

/* One report as an object. top: rows of a list, groups apart, which are all there. */
void jsonout_report(struct json *j, struct report *r, const char *name, size_t top);

/* The parts of it about the whole program. */
void jsonout_system(struct json *j, const struct report *r, size_t top);

void jsonout_hist(struct json *j, const char *key, const struct hist *h);
void jsonout_stack(struct json *j, const char *key, const struct intern *in, uint32_t stack);

#endif
