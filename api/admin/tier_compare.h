/* Compares the value that a tier has for a key with the primary's (pure core):
 * the verdicts of GET /inspect.
 */
#pragma once

#include "api/cache/value.h"

/* In order of concern; described in docs/http.md. */
enum tier_compare {
	TIER_COMPARE_NONE,	/* the tier has no value */
	TIER_COMPARE_CURRENT,	/* the primary's value */
	TIER_COMPARE_BEHIND,	/* below the floor: not served */
	TIER_COMPARE_UNCHECKED, /* may be served; the primary did not answer */
	TIER_COMPARE_PENDING, /* this instance has not heard of a commit yet */
	TIER_COMPARE_AHEAD,   /* the primary lost commits in a failover */
	TIER_COMPARE_CHANGED, /* the primary's version, but other bytes */
	TIER_COMPARE_STALE,   /* another value, yet no commit is missing */
	TIER_COMPARE_COUNT
};

/* `v`: the tier's value; NULL: it has none. `floor`, `through`: the floor of
 * the bucket and the watermark of this instance, taken after both values were
 * read. `primary` NULL: the primary could not be asked. */
enum tier_compare tier_compare_of(const struct value *v, version_t floor,
    version_t through, const struct value *primary);
const char *tier_compare_name(enum tier_compare s);
