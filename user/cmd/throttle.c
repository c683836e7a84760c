#include "cmd/throttle.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/parse.h"
#include "proc/target.h"

/* What each rung leaves out, for people. */
static const char *const left_out[RUNG_COUNT] = {
	[RUNG_FULL] = "nothing",
	[RUNG_WAKES] = "who woke a goroutine",
	[RUNG_STOP] = "the moments of starts",
	[RUNG_CALLS] = "the moments of starts, system calls",
	[RUNG_LEAN] = "reasons and stacks of blocks, creations, ends, system calls",
	[RUNG_PAUSED] = "all there was in the pauses",
};

void throttle_begin(struct throttle *t, const struct budget_asked *o, const struct capture *c)
{
	const struct price *p = capture_price(c);
	struct budget_opts bo = { .max_share = o->max_share,
				  .max_rate = o->max_rate,
				  .first = capture_rung(c),
				  .syscalls = capture_sees_syscalls(c) };

	*t = (struct throttle){ .opts = *o, .on = budget_asked_any(o) };
	if (p->hit_ns[HOOK_READY])
		bo.plain = (double)p->plain_wake_ns / (double)p->hit_ns[HOOK_READY];
	budget_init(&t->budget, &bo);
}

const char *throttle_asked(const struct budget_asked *o, char text[static 80])
{
	char n[PARSE_TEXT_MAX];
	int at = 0;

	text[0] = '\0';
	if (o->max_share > 0)
		at = snprintf(text, 80, "%g %% of its own CPU time", o->max_share * 100);
	if (o->max_rate)
		snprintf(text + at, 80 - (size_t)at, "%s%s hits/s", at ? ", " : "",
			 parse_fmt_count(o->max_rate, n));
	return text;
}

/* "it cost 12.3 % of the process's own CPU time, 5 % are allowed" */
static void say_why(const struct throttle *t, const struct budget_move *m, char *text, size_t size)
{
	char a[PARSE_TEXT_MAX], b[PARSE_TEXT_MAX];

	switch (m->cause) {
	case BUDGET_COST:
		snprintf(text, size, "it cost %.1f %% of the process's own CPU time, %g %% are allowed",
			 m->share * 100, t->opts.max_share * 100);
		break;
	case BUDGET_RATE:
		snprintf(text, size, "there were %s hits/s, %s are allowed",
			 parse_fmt_count(m->rate, a), parse_fmt_count(t->opts.max_rate, b));
		break;
	case BUDGET_ROOM:
		snprintf(text, size, "there is room for it again");
		break;
	case BUDGET_LOOK:
		snprintf(text, size, "a look after %s in which nothing was seen",
			 parse_fmt_ns(m->since_ns, a));
		break;
	case BUDGET_PAID:
		snprintf(text, size, "after a look of %s, which cost %.1f %%",
			 parse_fmt_ns(m->since_ns, a), m->share * 100);
		break;
	}
}

static int throttle_move(struct throttle *t, const struct budget_move *m, struct capture *c,
			 struct diag *d)
{
	char why[120], note[REC_NOTE_MAX];

	say_why(t, m, why, sizeof(why));
	snprintf(note, sizeof(note), "plan: %s -> %s: %s", plan_rung_name(m->from),
		 plan_rung_name(m->to), why);
	/* Each kind of step down once: a paused recording makes two steps every few seconds. */
	if (m->to > m->from && !(t->told & 1U << m->to)) {
		t->told |= 1U << m->to;
		log_info("%s (left out: %s)", note, left_out[m->to]);
	} else {
		log_debug("%s", note);
	}
	return capture_step(c, m->to, note, d);
}

int throttle_turn(struct throttle *t, const struct toll *toll, struct capture *c,
		  const struct throttle_time *at, struct diag *d)
{
	struct budget_sample s = { .now_ns = at->now_ns,
				   .cpu_ns = at->cpu_ns,
				   .other_ns = toll->other_ns };
	struct budget_move m;

	if (!t->on)
		return 0;
	for (unsigned i = 0; i < PART_COUNT; i++)
		s.parts[i] = toll->parts[i];
	if (!budget_step(&t->budget, &s, &m))
		return 0;
	return throttle_move(t, &m, c, d);
}

void throttle_text(const struct throttle *t, const char *head, struct buf *b)
{
	const struct budget *bu = &t->budget;
	char text[80], ns[PARSE_TEXT_MAX];
	enum plan_rung low = bu->opts.first;
	bool any = false;

	if (!t->on)
		return;
	buf_printf(b, "%s%s:", head, throttle_asked(&t->opts, text));
	for (unsigned r = 0; r < RUNG_COUNT; r++) {
		if (!bu->rung_ns[r])
			continue;
		buf_printf(b, "%s %s %s", any ? "," : "", plan_rung_name(r),
			   parse_fmt_ns(bu->rung_ns[r], ns));
		any = true;
		low = r > (unsigned)low ? (enum plan_rung)r : low;
	}
	if (bu->pauses)
		buf_printf(b, " in %" PRIu64 " pauses", bu->pauses);
	if (low > bu->opts.first)
		buf_printf(b, "; left out: %s", left_out[low]);
	buf_printf(b, "\n");
}

void throttle_json(const struct throttle *t, struct json *j)
{
	const struct budget *b = &t->budget;

	json_object(j, "budget");
	json_bool(j, "on", t->on);
	json_num(j, "max_overhead_percent", t->opts.max_share * 100);
	json_uint(j, "max_hits_per_second", t->opts.max_rate);
	json_str(j, "now", plan_rung_name(b->rung));
	json_num(j, "cost_percent", b->share * 100);
	json_uint(j, "steps", b->steps);
	json_uint(j, "pauses", b->pauses);
	json_object(j, "seconds");
	for (unsigned r = 0; r < RUNG_COUNT; r++)
		json_num(j, plan_rung_name(r), (double)b->rung_ns[r] / 1e9);
	json_object_end(j);
	json_object_end(j);
}
