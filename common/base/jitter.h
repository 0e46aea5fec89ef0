/* Varies the lifetimes of cache entries by +-10 %, so that entries that were
 * cached together do not end together (pure core).
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
/* 0.9 to 1.1 times `ttl`. */
dur_us_t jitter_ttl(struct jitter *j, dur_us_t ttl);
