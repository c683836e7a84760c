/*
 * heap.h - the heap's live bytes and goal, from the words of the runtime's gcController.
 *
 * The goal is not stored: the runtime computes it when it is asked, and so do we, the same way
 * (Go 1.21 to 1.27 runtime/mgcpacer.go heapGoalInternal and memoryLimitHeapGoal; up to 1.20 the
 * headroom is one MiB; runtime/traceruntime.go HeapGoal). The fields stand in the same order in all
 * versions from 1.19 on, counted from gcPercentHeapGoal.
 */
#ifndef MODEL_HEAP_H
#define MODEL_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_sample {
	uint64_t live, goal; /* bytes; goal 0: the collector is off */
};

/*
 * words: gcController from its start, cnt of them; goal_word: the index of gcPercentHeapGoal.
 * False if the words do not reach far enough.
 */
bool heap_of_words(const uint64_t *words, size_t cnt, unsigned goal_word, unsigned go_minor,
		   struct heap_sample *ret);

#endif
