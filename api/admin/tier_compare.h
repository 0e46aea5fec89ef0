/* How what a tier holds of a key stands to what the primary holds (pure core):
 * the verdicts of GET /inspect.
 */
#pragma once

#include "api/core/value.h"

/* In the order of concern; docs/http.md tells them. */
enum standing {
	STANDING_NONE,	    /* it holds nothing */
	STANDING_CURRENT,   /* what the primary holds */
	STANDING_BEHIND,    /* below the floor: not served */
	STANDING_UNCHECKED, /* from here on it may be served; no primary */
	STANDING_PENDING,   /* a commit is not heard of yet */
	STANDING_AHEAD,	    /* the primary lost commits in a failover */
	STANDING_CHANGED,   /* the same version, other bytes */
	STANDING_STALE,	    /* though all was heard of */
	STANDING_COUNT
};

/* `v`: what the tier holds, NULL: nothing. `floor`, `through`: the bucket's
 * floor and the watermark of this instance, taken after both were read. NULL
 * `primary`: it could not be asked. */
enum standing standing_of(const struct value *v, version_t floor,
    version_t through, const struct value *primary);
const char *standing_name(enum standing s);
