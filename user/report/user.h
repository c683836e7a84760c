/*
 * user.h - what the program itself annotated: tasks with their latency, regions, logs.
 *
 * X1  A task that began before the trace has no latency and is only counted.
 * X2  The last USER_LOGS log messages are kept, cut to USER_TEXT bytes.
 */
#ifndef REPORT_USER_H
#define REPORT_USER_H

#include "report/goros.h"
#include "report/hist.h"
#include "report/slowest.h"
#include "report/tab.h"

enum { USER_LOGS = 16, USER_TEXT = 120 };

/* Tasks, or regions, of one type. */
struct user_type {
	uint64_t key; /* the type's name */
	uint64_t begun, ended;
	struct hist *hist; /* owned; of those with both ends; NULL: none */
};

struct user_category {
	uint64_t key; /* the category's name */
	uint64_t cnt;
};

struct user_log {
	int64_t at, g;
	uint64_t task;
	uint32_t category;
	char text[USER_TEXT];
};

struct user {
	struct tab tasks, regions;	 /* struct user_type */
	struct tab categories;		 /* struct user_category */
	struct user_log logs[USER_LOGS]; /* a ring: log number n is logs[n % USER_LOGS] */
	uint64_t log_cnt;
	struct map open_tasks; /* id -> begin */
	struct map depth;      /* goroutine -> its open regions */
	struct map begins;     /* (goroutine, depth) -> begin */
	bool failed;
};

/* 0 or -ENOMEM. */
int user_init(struct user *u);
void user_done(struct user *u);
void user_restart(struct user *u, int64_t t);
void user_feed(struct user *u, const struct gotrace_event *ev, const struct goros *gs,
	       struct slowest *slow);
/* A goroutine ended: its open regions are forgotten. */
void user_ended(struct user *u, int64_t g);

#endif
