/* flight.h - the flight recorder: record on and on, keep the newest, write it when triggered. */
#ifndef CMD_FLIGHT_H
#define CMD_FLIGHT_H

#include "cmd/options.h"

/* Runs until it is stopped or the process ends; the exit status. o->flight.on. */
int flight_run(const struct options *o);

#endif
