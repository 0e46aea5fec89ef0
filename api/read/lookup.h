/* A lookup past L1, of a document or of a page of a list: Redis, then the
 * replica, then the primary, until one has a value that may be served (INV-1).
 * Redis has no pages: it knows of commits per key, not per collection.
 *
 * All requests of this instance that miss the same key in the same way share
 * one lookup (api/read/singleflight.h). A tier that is away is skipped, and
 * said so.
 *
 * The race of no-cache: a lookup that is under way may have read the row before
 * this request came. So a request for a fresh value shares no lookup, not even
 * with another of its kind; many at once still share their queries, which are
 * sent after the last of them came (api/read/pg_reader.h).
 */
#pragma once

#include "api/core/value.h"
#include "api/read/tier.h"

#include <stdbool.h>

struct request;

enum read_failure {
	READ_OK,
	READ_UNAVAILABLE,
	READ_NOT_REACHED,
	READ_UNCACHED,
	READ_REFUSED,	/* a list that Postgres cannot make sense of */
	READ_LATE,	/* a list that takes longer than it may */
	READ_TOO_LARGE, /* the row is larger than document.max_bytes */
};

enum lookup_way {
	LOOKUP_NONE,
	LOOKUP_ALL,	/* every tier in turn */
	LOOKUP_CACHES,	/* only-if-cached: Redis or nothing */
	LOOKUP_FRESH,	/* no-cache: not Redis, and nobody else's lookup */
	LOOKUP_PRIMARY, /* nothing else is surely right: see lookup_way */
};

struct lookup_result {
	struct value *value; /* borrowed; NULL: no tier had one in time */
	enum tier tier;
	unsigned skipped; /* enum tier_skip */
	struct tier_times times;
	enum read_failure failure; /* REFUSED, LATE, TOO_LARGE, or OK */
};

/* How the request must be looked up now. */
enum lookup_way lookup_way(const struct request *r);

/* Joins or starts the lookup of the request's key; request_landed follows,
 * later, on the request's thread. */
void lookup_join(struct request *r);
/* False: the result is on its way already. */
bool lookup_leave(struct request *r);
