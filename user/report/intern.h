/*
 * intern.h - names and stacks that outlive their generation: each kept once, known by a number.
 *
 * I1  Number 0 is "" and "no stack". Numbers are dense and never change.
 * I2  Equal bytes have one number; stacks are equal if their hash is (gotrace.h: functions, files
 *     and lines), and keep the PCs that were seen first.
 * I3  At most LIMIT_REPORT_BYTES are kept; what comes then is "(other)", counted in over.
 * I4  No memory is sticky: failed, and 0 for what is new.
 */
#ifndef REPORT_INTERN_H
#define REPORT_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "include/gotrace.h"

struct intern_frame {
	uint64_t pc, line;
	uint32_t func, file; /* names */
};

struct intern_stack {
	uint64_t hash;
	uint32_t cnt;
	const struct intern_frame *const *frames; /* [cnt], leaf first */
};

enum { INTERN_CACHE = 256 };

struct intern {
	struct arena arena;
	struct gotrace_str *names; /* owned; [name_cnt], zero-terminated texts in the arena */
	size_t name_cnt, name_cap;
	struct intern_stack *stacks; /* owned; [stack_cnt] */
	size_t stack_cnt, stack_cap;
	struct map name_tab, stack_tab, frame_tab;
	/* This generation's texts by address. */
	struct {
		const char *p;
		size_t len;
		uint32_t id;
	} cache[INTERN_CACHE];
	uint64_t over;
	bool failed;
};

/* 0 or -ENOMEM; in is then zero. */
int intern_init(struct intern *in);
void intern_done(struct intern *in);

/* Call when borrowed texts may have gone: at each SYNC. */
void intern_forget(struct intern *in);

uint32_t intern_name(struct intern *in, struct gotrace_str s);
uint32_t intern_text(struct intern *in, const char *s);
/* s may be NULL: 0. */
uint32_t intern_stack(struct intern *in, const struct gotrace_stack *s);

/* Never NULL; good as long as in. */
static inline const char *intern_get(const struct intern *in, uint32_t name)
{
	return name < in->name_cnt ? in->names[name].p : "";
}

/* Never NULL; of no frames for 0. */
static inline const struct intern_stack *intern_get_stack(const struct intern *in, uint32_t stack)
{
	return &in->stacks[stack < in->stack_cnt ? stack : 0];
}

/* The entry function: of the outermost frame; 0 for no frames. */
uint32_t intern_root(struct intern *in, const struct gotrace_stack *s);

#endif
