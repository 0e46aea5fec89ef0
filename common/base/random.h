/* Numbers at random: from the kernel, for seeds and ids; and from a generator,
 * for what needs them often and need not be secret: the lifetimes of cache
 * entries, which vary by +-10 % so that entries that were cached together do
 * not end together; and which requests are traced.
 */
#pragma once

#include "common/base/clock.h"

#include <stddef.h>
#include <stdint.h>

/* From the kernel. Any thread; `len` is at most 256. */
void random_bytes(void *out, size_t len);
uint64_t random_bits(void);

/* A generator; one per thread. Marsaglia's xorshift64 (J. Stat. Soft. 8, 2003):
 * its numbers only have to be evenly spread. */
struct random {
	uint64_t state;
};

/* Any seed, 0 too. */
void random_init(struct random *r, uint64_t seed);
/* The next 64 bits; never all of them 0. */
uint64_t random_next(struct random *r);
/* 0.9 to 1.1 times `ttl`. */
dur_us_t random_ttl(struct random *r, dur_us_t ttl);
