/* A lookup past L1: Redis, then the replica, then the primary, until one has a
 * value that may be served (INV-1).
 *
 * All requests of this instance that miss the same key share one lookup
 * (api/flights.h). A tier that is away is skipped, and said so.
 */
#pragma once

#include "api/tier.h"
#include "api/value.h"

#include <stdbool.h>

struct request;

struct lookup_result {
	struct value *value; /* borrowed; NULL: no tier had one in time */
	enum tier tier;
	unsigned skipped; /* enum tier_skip */
};

/* Joins or starts the lookup of the request's key; request_landed follows,
 * later, on the request's thread. */
void lookup_join(struct request *r);
/* False: the result is on its way already. */
bool lookup_leave(struct request *r);
