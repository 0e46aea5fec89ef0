/* Numbers at random, for what needs them often and need not be secret: the
 * lifetimes of cache entries, which vary by +-10 % so that entries that were
 * cached together do not end together; and which requests are traced (pure
 * core).
 */
#pragma once

#include "common/base/clock.h"

#include <stdint.h>

/* One per thread. Marsaglia's xorshift64 (J. Stat. Soft. 8, 2003): its numbers
 * only have to be evenly spread. */
struct jitter {
	uint64_t state;
};

/* Any seed, 0 too. */
void jitter_init(struct jitter *j, uint64_t seed);
/* The next 64 bits; never all of them 0. */
uint64_t jitter_bits(struct jitter *j);
/* 0.9 to 1.1 times `ttl`. */
dur_us_t jitter_ttl(struct jitter *j, dur_us_t ttl);
