/* Tiers: where a value came from, which tiers were skipped, and how long each
 * one took. */
#pragma once

#include "common/base/clock.h"

enum tier { TIER_NONE, TIER_L1, TIER_REDIS, TIER_REPLICA, TIER_PRIMARY };
enum { TIERS = TIER_PRIMARY + 1 };

/* Bits: why tiers before the one that answered were skipped. */
enum tier_skip {
	SKIP_REDIS_DOWN = 1,
	SKIP_REPLICA_DOWN = 2,
	SKIP_REPLICA_BEHIND = 4,
	SKIP_PRIMARY_DOWN = 8,
	SKIP_PRIMARY_BEHIND = 16,
	SKIP_TAIL_CLOSED = 32,
};

struct tier_times {
	unsigned asked; /* bits: 1 << tier */
	dur_us_t spent[TIERS];
};

static inline void tier_times_add(
    struct tier_times *to, const struct tier_times *more)
{
	to->asked |= more->asked;
	for (int t = 0; t < TIERS; t++)
		to->spent[t] += more->spent[t];
}
