/* Where a value came from, and which tiers could not be asked. */
#pragma once

enum tier { TIER_NONE, TIER_L1, TIER_REDIS, TIER_REPLICA, TIER_PRIMARY };

/* Bits: why a tier before the one that answered did not. */
enum tier_skip {
	SKIP_REDIS_DOWN = 1,
	SKIP_REPLICA_DOWN = 2,
	SKIP_REPLICA_BEHIND = 4,
	SKIP_PRIMARY_DOWN = 8,
	SKIP_PRIMARY_BEHIND = 16,
	SKIP_TAIL_CLOSED = 32,
};
