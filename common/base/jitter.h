/* Lives of cache entries, +-10 %, so that what was cached together does not end
 * together (pure core).
 */
#pragma once

#include "common/base/clock.h"

#include <stdint.h>

/* One per thread: Marsaglia's xorshift64 (J. Stat. Soft. 8, 2003), since evenly
 * spread is all that is asked of it. */
struct jitter {
	uint64_t state;
};

/* Any seed, 0 too. */
void jitter_init(struct jitter *j, uint64_t seed);
/* 0.9 to 1.1 times `ttl`. */
dur_us_t jitter_ttl(struct jitter *j, dur_us_t ttl);
