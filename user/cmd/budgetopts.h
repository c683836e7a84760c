/* budgetopts.h - what the user allows a recording to cost. */
#ifndef CMD_BUDGETOPTS_H
#define CMD_BUDGETOPTS_H

#include <stdbool.h>
#include <stdint.h>

struct budget_asked {
	double max_share;  /* of the process's own CPU time; 0: no bound */
	uint64_t max_rate; /* hits a second; 0: no bound */
};

static inline bool budget_asked_any(const struct budget_asked *o)
{
	return o->max_share > 0 || o->max_rate;
}

#endif
