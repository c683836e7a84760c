/*
 * test_budget.c - the ladder against a simulated target: it has an own load, hits in each part, and a
 * price; what is attached decides which hits cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capture/budget.h"

#define MS 1000000ULL
#define SEC 1000000000ULL

enum { STEP_MS = 10, PRICE_NS = 1000 };

struct sim {
	struct budget b;
	struct budget_sample s;
	bool saturated;		 /* it uses one CPU, and does less when it is watched */
	double load;		 /* else: own CPUs */
	double hits[PART_COUNT]; /* a second of own CPU time, in thousands */
	double own_ns, cost_ns;	 /* truly, so far */
	struct budget_move move; /* the newest */
	uint64_t first_move_ns, moves;
	unsigned seen; /* rungs, as bits */
};

static void sim_init(struct sim *s, struct budget_opts o)
{
	memset(s, 0, sizeof(*s));
	s->s.now_ns = 5 * SEC;
	s->s.cpu_ns = 7 * SEC;
	o.plain = o.plain ? o.plain : 0.5;
	budget_init(&s->b, &o);
	s->seen = 1U << o.first;
}

/* What a second of own CPU time costs as things are. */
static double sim_share(const struct sim *s)
{
	double share = 0;

	for (unsigned i = 0; i < PART_COUNT; i++) {
		double price = i == PART_WAKES && budget_plain(s->b.rung, s->b.opts.first)
				       ? s->b.opts.plain
				       : 1;

		if (plan_rung_parts(s->b.rung) & 1U << i)
			share += s->hits[i] * 1e3 * PRICE_NS * price / 1e9;
	}
	return share;
}

static void sim_run(struct sim *s, uint64_t ns)
{
	for (uint64_t t = 0; t < ns; t += STEP_MS * MS) {
		double share = sim_share(s), own = STEP_MS * 1e6 * s->load;

		if (s->saturated)
			own = STEP_MS * 1e6 / (1 + share);
		for (unsigned i = 0; i < PART_COUNT; i++) {
			double price = i == PART_WAKES &&
						       budget_plain(s->b.rung, s->b.opts.first)
					       ? s->b.opts.plain
					       : 1;
			double hits = s->hits[i] * 1e3 * own / 1e9;

			if (!(plan_rung_parts(s->b.rung) & 1U << i))
				continue;
			s->s.parts[i].hits += (uint64_t)hits;
			s->s.parts[i].ns += (uint64_t)(hits * PRICE_NS * price);
		}
		s->own_ns += own;
		s->cost_ns += own * share;
		s->s.cpu_ns += (uint64_t)(own * (1 + share));
		s->s.now_ns += STEP_MS * MS;
		if (!budget_step(&s->b, &s->s, &s->move))
			continue;
		if (!s->moves++)
			s->first_move_ns = s->s.now_ns - 5 * SEC;
		s->seen |= 1U << s->move.to;
	}
}

static double mean(const struct sim *s)
{
	return s->cost_ns / s->own_ns;
}

static const struct budget_opts five = {.max_share = 0.05, .syscalls = true};

static void cheap_stays_full(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, five);
	s.load = 1;
	s.hits[PART_EXECUTE] = s.hits[PART_WAKES] = s.hits[PART_STOPS] = 15; /* 4.5 % */
	sim_run(&s, 60 * SEC);
	assert_int_equal(s.moves, 0);
	assert_int_equal(s.b.rung_ns[RUNG_FULL], 60 * SEC - STEP_MS * MS);
}

/* Half a per cent of one CPU is not worth a step, whatever part of its little CPU time that is. */
static void idle_stays_full(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, five);
	s.load = 0.01;
	s.hits[PART_EXECUTE] = s.hits[PART_STOPS] = 250;
	sim_run(&s, 60 * SEC);
	assert_int_equal(s.moves, 0);
}

static void ping_pong_is_paused_at_once(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, five);
	s.saturated = true;
	s.hits[PART_EXECUTE] = s.hits[PART_WAKES] = s.hits[PART_STOPS] = 5000; /* 16 times */
	sim_run(&s, SEC);
	assert_int_equal(s.b.rung, RUNG_PAUSED);
	assert_true(s.first_move_ns <= 150 * MS);
	assert_int_equal(s.move.cause, BUDGET_COST);
	sim_run(&s, 60 * SEC);
	assert_true(s.b.looks >= 10);
	assert_int_equal(s.b.pauses, s.b.looks + (s.b.rung == RUNG_PAUSED));
	assert_true(mean(&s) < 0.05);
	assert_true(mean(&s) > 0.02); /* what is allowed is used */
	assert_int_equal(s.seen, 1 << RUNG_FULL | 1 << RUNG_PAUSED);
}

/* A saturated server: no rung is cheap enough, but pausing is. */
static void dear_mean_is_held(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, (struct budget_opts){.max_share = 0.03, .syscalls = true});
	s.saturated = true;
	s.hits[PART_EXECUTE] = 200;
	s.hits[PART_WAKES] = 80;
	s.hits[PART_STOPS] = 280;
	s.hits[PART_SYSCALLS] = 400;
	sim_run(&s, 120 * SEC);
	assert_true(mean(&s) < 0.03);
	assert_true(s.b.looks > 5);
}

static void syscalls_go_first_where_they_are_it(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, five);
	s.saturated = true;
	s.hits[PART_SYSCALLS] = 1400;
	s.hits[PART_EXECUTE] = 1;
	sim_run(&s, 5 * SEC);
	assert_int_equal(s.moves, 1);
	assert_int_equal(s.b.rung, RUNG_CALLS); /* not lean: all else is still seen */
}

static void each_rung_where_it_is_enough(void **state)
{
	static const struct {
		double hits[PART_COUNT]; /* in plan_part's order: rest, wakes, execute, stops, calls */
		enum plan_rung to;
	} cases[] = {
		{{0, 60, 5, 5, 0}, RUNG_WAKES},
		{{0, 10, 60, 10, 0}, RUNG_STOP},
		{{0, 10, 10, 10, 60}, RUNG_CALLS},
		{{0, 10, 10, 60, 10}, RUNG_LEAN},
		{{80, 10, 10, 10, 10}, RUNG_PAUSED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim s;

		sim_init(&s, five);
		s.load = 1;
		memcpy(s.hits, cases[i].hits, sizeof(s.hits));
		sim_run(&s, SEC);
		if (s.b.rung != cases[i].to)
			fail_msg("case %zu: on %s", i, plan_rung_name(s.b.rung));
		assert_int_equal(s.moves, 1);
		assert_true(s.move.share > 0.05);
	}
}

static void up_again_when_the_load_falls(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, five);
	s.load = 1;
	s.hits[PART_STOPS] = 100;
	s.hits[PART_WAKES] = 4;
	sim_run(&s, 5 * SEC);
	assert_int_equal(s.b.rung, RUNG_LEAN);
	s.load = 0.01;
	sim_run(&s, SEC);
	assert_int_equal(s.b.rung, RUNG_LEAN); /* not at the first moment of rest */
	sim_run(&s, 5 * SEC);
	assert_int_equal(s.b.rung, RUNG_FULL);
	assert_int_equal(s.move.cause, BUDGET_ROOM);
	assert_int_equal(s.moves, 2);
}

static void up_from_pauses_when_the_load_falls(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, five);
	s.saturated = true;
	s.hits[PART_EXECUTE] = s.hits[PART_STOPS] = 5000;
	sim_run(&s, 3 * SEC);
	s.saturated = false;
	s.load = 1;
	s.hits[PART_EXECUTE] = s.hits[PART_STOPS] = 10;
	sim_run(&s, 30 * SEC);
	assert_int_equal(s.b.rung, RUNG_FULL);
	assert_false(s.b.looking);
	s.moves = 0;
	sim_run(&s, 30 * SEC);
	assert_int_equal(s.moves, 0);
}

/* Not much too dear: seen for much of the time, not for a tenth of each second. */
static void what_is_allowed_is_used(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, five);
	s.load = 1;
	s.hits[PART_REST] = 75; /* 7.5 %, on every rung */
	sim_run(&s, 60 * SEC);
	assert_true(mean(&s) < 0.05);
	assert_true(mean(&s) > 0.035);
	assert_true(s.b.rung_ns[RUNG_FULL] > 25 * SEC);
}

/* Just above what is allowed, for ever: the tries to go up become rare. */
static void does_not_flap(void **state)
{
	struct sim s;
	uint64_t early;

	(void)state;
	sim_init(&s, five);
	s.load = 1;
	s.hits[PART_EXECUTE] = 36;
	s.hits[PART_WAKES] = s.hits[PART_STOPS] = 13; /* 6.2 %, 5.6 %; stop 2 % */
	sim_run(&s, 120 * SEC);
	early = s.moves;
	assert_true(early >= 3); /* it was tried */
	assert_true(early <= 21);
	sim_run(&s, 600 * SEC);
	assert_true(s.moves - early < 16);
	assert_true(mean(&s) < 0.05);
}

static void rate_is_a_bound_of_its_own(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, (struct budget_opts){.max_rate = 20000, .syscalls = true});
	s.load = 1;
	s.hits[PART_EXECUTE] = 10;
	s.hits[PART_WAKES] = s.hits[PART_STOPS] = 8;
	sim_run(&s, 2 * SEC);
	assert_int_equal(s.b.rung, RUNG_STOP);
	assert_int_equal(s.move.cause, BUDGET_RATE);
	assert_true(s.move.rate > 25000 && s.move.rate < 27000);
}

static void never_above_the_first(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, (struct budget_opts){.max_share = 0.05, .first = RUNG_LEAN});
	s.load = 1;
	s.hits[PART_EXECUTE] = s.hits[PART_WAKES] = 100;
	sim_run(&s, 30 * SEC);
	assert_int_equal(s.seen, 1 << RUNG_LEAN | 1 << RUNG_PAUSED);
	assert_true(mean(&s) < 0.05);
	s.hits[PART_EXECUTE] = s.hits[PART_WAKES] = 1;
	sim_run(&s, 60 * SEC);
	assert_int_equal(s.b.rung, RUNG_LEAN);
}

static void no_step_for_syscalls_nobody_sees(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, (struct budget_opts){.max_share = 0.05});
	s.load = 1;
	s.hits[PART_EXECUTE] = s.hits[PART_STOPS] = 60;
	sim_run(&s, 60 * SEC);
	assert_false(s.seen & 1 << RUNG_CALLS);
}

/* Attaching and detaching cost, too: they are made up for. */
static void unseen_cost_is_paid(void **state)
{
	struct sim a, b;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sim *s = i ? &b : &a;

		sim_init(s, five);
		s->saturated = true;
		s->hits[PART_REST] = 5000;
		sim_run(s, SEC);
		s->s.other_ns += i * 200 * MS;
		sim_run(s, 8 * SEC);
	}
	assert_true(b.b.looks < a.b.looks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cheap_stays_full),
		cmocka_unit_test(idle_stays_full),
		cmocka_unit_test(ping_pong_is_paused_at_once),
		cmocka_unit_test(dear_mean_is_held),
		cmocka_unit_test(syscalls_go_first_where_they_are_it),
		cmocka_unit_test(each_rung_where_it_is_enough),
		cmocka_unit_test(up_again_when_the_load_falls),
		cmocka_unit_test(up_from_pauses_when_the_load_falls),
		cmocka_unit_test(what_is_allowed_is_used),
		cmocka_unit_test(does_not_flap),
		cmocka_unit_test(rate_is_a_bound_of_its_own),
		cmocka_unit_test(never_above_the_first),
		cmocka_unit_test(no_step_for_syscalls_nobody_sees),
		cmocka_unit_test(unseen_cost_is_paid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
