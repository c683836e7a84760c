#include "model/heap.h"

#include "base/num.h"

/* Words from the start of gcController, and from gcPercentHeapGoal. */
enum { GCC_PERCENT = 0, GCC_LIMIT = 1 };
enum {
	GCC_GOAL = 0,
	GCC_SWEEP_MIN = 1,
	GCC_TRIGGERED = 2,
	GCC_LIVE = 4,
	GCC_MARKED = 10,
	GCC_FREE = 27,
	GCC_TOTAL_ALLOC = 28,
	GCC_TOTAL_FREE = 29,
	GCC_MAPPED = 30,
};

#define NONE UINT64_MAX /* "off" in gcPercentHeapGoal, "not yet" in triggered */

enum { MIN_RUNWAY = 64 << 10, MIN_HEADROOM = 1 << 20, HEADROOM_PERCENT = 3 };

/* memoryLimitHeapGoal */
static uint64_t limit_goal(const uint64_t *w, uint64_t limit, unsigned go_minor)
{
	uint64_t in_use = w[GCC_FREE] + w[GCC_TOTAL_ALLOC] - w[GCC_TOTAL_FREE];
	uint64_t mapped = w[GCC_MAPPED], other = mapped > in_use ? mapped - in_use : 0;
	uint64_t headroom = MIN_HEADROOM, goal;

	if (mapped > limit)
		other += mapped - limit;
	if (other >= limit)
		return w[GCC_MARKED];
	goal = limit - other;
	if (go_minor >= 21)
		headroom = num_max(goal / 100 * HEADROOM_PERCENT, MIN_HEADROOM);
	goal = goal < headroom || goal - headroom < headroom ? headroom : goal - headroom;
	return num_max(goal, w[GCC_MARKED]);
}

bool heap_of_words(const uint64_t *words, size_t cnt, unsigned goal_word, unsigned go_minor,
		   struct heap_sample *ret)
{
	const uint64_t *w = words + goal_word;
	uint64_t goal, limit;

	if (goal_word <= GCC_LIMIT || cnt < (size_t)goal_word + GCC_MAPPED + 1)
		return false;
	goal = w[GCC_GOAL];
	limit = limit_goal(w, words[GCC_LIMIT], go_minor);
	if (limit < goal) {
		goal = limit;
	} else {
		goal = num_max(goal, w[GCC_SWEEP_MIN]);
		if (w[GCC_TRIGGERED] != NONE)
			goal = num_max(goal, w[GCC_TRIGGERED] + MIN_RUNWAY);
	}
	/* From 1.25 on a collector that is off shows as no goal, not as the limit's. */
	if (goal == NONE || (go_minor >= 25 && (int32_t)words[GCC_PERCENT] < 0))
		goal = 0;
	*ret = (struct heap_sample){ .live = w[GCC_LIVE], .goal = goal };
	return true;
}
