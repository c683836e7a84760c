/* num.h - arithmetic that cannot wrap unseen, and the usual small helpers. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* true and *ret untouched when the result does not fit. */
#define num_add(a, b, ret) __builtin_add_overflow(a, b, ret)
#define num_sub(a, b, ret) __builtin_sub_overflow(a, b, ret)
#define num_mul(a, b, ret) __builtin_mul_overflow(a, b, ret)

static inline uint64_t num_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t num_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A 64-bit mix (the finaliser of MurmurHash3) for hash tables keyed by pointers and ids. */
static inline uint64_t num_mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ (x >> 33);
}

#endif
