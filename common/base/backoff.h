/* Capped exponential backoff with full jitter (pure core).
 *
 * Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
#pragma once

#include "common/base/clock.h"

#include <stdint.h>

struct backoff {
	dur_us_t base;
	dur_us_t cap;
	unsigned attempts;
};

void backoff_init(struct backoff *b, dur_us_t base, dur_us_t cap);
/* The delay before the next attempt: at least base / 2, at most
 * min(cap, base << attempts). `random` is any 64 random bits. */
dur_us_t backoff_next(struct backoff *b, uint64_t random);
void backoff_reset(struct backoff *b);
