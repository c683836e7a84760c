#include "cmd/cond.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/parse.h"
#include "image/reasons.h"

static const char *const names[COND_KINDS] = {
	[COND_RUNNABLE] = "runnable",	  [COND_BLOCKED] = "blocked", [COND_RUNNING] = "running",
	[COND_SYSCALL] = "syscall",	  [COND_STW] = "stw",	      [COND_ASSIST] = "gc-assist",
	[COND_GOROUTINES] = "goroutines", [COND_CALL] = "call",
};

const char *cond_name(enum cond_kind kind)
{
	return names[kind];
}

const char *cond_func(const struct cond *c)
{
	return c->text + strlen("call:");
}

bool cond_shown(enum cond_kind kind, enum rec_plan plan)
{
	switch (plan) {
	case REC_PLAN_STOP: /* whoever was woken runs some time later, unseen */
		return kind != COND_RUNNABLE && kind != COND_RUNNING;
	case REC_PLAN_LEAN:
		return kind == COND_RUNNABLE || kind == COND_STW || kind == COND_GOROUTINES;
	default:
		return true;
	}
}

/* The sentence ends in what stands there, so that it can be found by eye and by count. */
static int wrong(struct diag *d, const char *text, size_t at, const char *what)
{
	if (text[at])
		return diag_set_at(d, at, -EINVAL, "--on '%s': at character %zu ('%c'): %s", text,
				   at + 1, text[at], what);
	return diag_set_at(d, at, -EINVAL, "--on '%s': at its end (character %zu): %s", text,
			   at + 1, what);
}

static int parse_kind(const char *text, struct cond *c, size_t *at, struct diag *d)
{
	size_t n = strcspn(text, ">(:");

	for (unsigned k = 0; k < COND_KINDS; k++) {
		if (strlen(names[k]) == n && strncmp(text, names[k], n) == 0) {
			c->kind = (enum cond_kind)k;
			*at = n;
			return 0;
		}
	}
	return wrong(d, text, 0,
		     "no such condition; use runnable, blocked, running, syscall, stw, gc-assist, "
		     "goroutines or call:FUNCTION");
}

static int parse_reason(const char *text, struct cond *c, size_t *at, struct diag *d)
{
	size_t from = *at + 1, len, cnt;
	const char *const *reasons = reasons_block_all(&cnt);
	const char *end;

	if (text[*at] != '(')
		return 0;
	if (c->kind != COND_BLOCKED)
		return wrong(d, text, *at, "only blocked takes a reason");
	end = strstr(text + from, ")>"); /* a reason may hold a parenthesis */
	if (!end)
		return wrong(d, text, strlen(text), "')>' is missing behind the reason");
	len = (size_t)(end - text) - from;
	for (size_t i = 0; i < cnt; i++) {
		if (strlen(reasons[i]) == len && strncmp(text + from, reasons[i], len) == 0) {
			memcpy(c->reason, reasons[i], len + 1);
			*at = from + len + 1;
			return 0;
		}
	}
	return wrong(d, text, from,
		     "no such reason; use sync, network, select, sleep, chan send, chan receive, "
		     "sync.(*Cond).Wait, forever ...");
}

static int parse_count(const char *text, size_t at, struct cond *c, struct diag *d)
{
	size_t n = strspn(text + at, "0123456789");

	if (n == 0)
		return wrong(d, text, at, "a number is wanted");
	if (text[at + n])
		return wrong(d, text, at + n, "a number ends here");
	if (n > 9)
		return wrong(d, text, at, "no process has so many goroutines");
	c->limit = strtoull(text + at, NULL, 10);
	return 0;
}

static int parse_time(const char *text, size_t at, struct cond *c, struct diag *d)
{
	static const char *const units[] = { "ns", "us", "ms", "s", "m", "h" };
	size_t p = at;
	struct diag why;

	do {
		size_t n = strspn(text + p, "0123456789."), u;
		bool known = false;

		if (n == 0)
			return wrong(d, text, p, "a time is wanted, as 250ms or 1.5s");
		p += n;
		u = strspn(text + p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
		for (size_t i = 0; i < ARRAY_LEN(units); i++)
			known |= strlen(units[i]) == u && strncmp(text + p, units[i], u) == 0;
		if (!known)
			return wrong(d, text, p, "a unit is wanted: ns, us, ms, s, m or h");
		p += u;
	} while (text[p]);
	if (parse_duration(text + at, &c->limit, &why) < 0)
		return wrong(d, text, at, "this is no time above zero");
	return 0;
}

int cond_parse(const char *text, struct cond *ret, struct diag *d)
{
	struct cond c = { 0 };
	size_t at = 0;
	int err;

	if (strnlen(text, sizeof(c.text)) == sizeof(c.text))
		return diag_set_at(d, sizeof(c.text), -EINVAL, "--on: the condition is too long");
	memcpy(c.text, text, strlen(text) + 1);
	err = parse_kind(text, &c, &at, d);
	if (err < 0)
		return err;
	if (c.kind == COND_CALL) {
		if (text[at] != ':')
			return wrong(d, text, at, "call takes a function: call:main.handler");
		if (!text[at + 1])
			return wrong(d, text, at + 1, "the name of a function is wanted");
		*ret = c;
		return 0;
	}
	err = parse_reason(text, &c, &at, d);
	if (!err && text[at] != '>')
		err = wrong(d, text, at, "'>' and a limit are wanted");
	if (!err)
		err = c.kind == COND_GOROUTINES ? parse_count(text, at + 1, &c, d)
						: parse_time(text, at + 1, &c, d);
	if (!err)
		*ret = c;
	return err;
}
