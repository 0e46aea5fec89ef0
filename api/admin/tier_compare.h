/* How what a tier holds of a key stands to what the primary holds (pure core):
 * the verdicts of GET /inspect.
 */
#pragma once

#include "api/cache/value.h"

/* In the order of concern; docs/http.md tells them. */
enum tier_compare {
	TIER_COMPARE_NONE,	/* it holds nothing */
	TIER_COMPARE_CURRENT,	/* what the primary holds */
	TIER_COMPARE_BEHIND,	/* below the floor: not served */
	TIER_COMPARE_UNCHECKED, /* from here on it may be served; no primary */
	TIER_COMPARE_PENDING,	/* a commit is not heard of yet */
	TIER_COMPARE_AHEAD,	/* the primary lost commits in a failover */
	TIER_COMPARE_CHANGED,	/* the same version, other bytes */
	TIER_COMPARE_STALE,	/* though all was heard of */
	TIER_COMPARE_COUNT
};

/* `v`: what the tier holds, NULL: nothing. `floor`, `through`: the bucket's
 * floor and the watermark of this instance, taken after both were read. NULL
 * `primary`: it could not be asked. */
enum tier_compare tier_compare_of(const struct value *v, version_t floor,
    version_t through, const struct value *primary);
const char *tier_compare_name(enum tier_compare s);
