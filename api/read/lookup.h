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

#include "api/cache/tier.h"
#include "api/cache/value.h"
#include "api/http/cache_control.h"
#include "api/read/singleflight.h"
#include "common/log/version.h"

#include <stdbool.h>

struct export;
struct export_form;
struct list_query;
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

/* What is known of a request that reads, also of a write whose row is read
 * after its commit. Owned by the request, from read_enter to read_free. */
struct read_op {
	struct list_query *list;	/* NULL: of a document */
	bool whole;			/* all of it is asked for, not a page */
	bool exports;			/* the whole collection, instead */
	const struct export_form *form; /* then, of the answer */
	struct export *export;		/* owned, until it is the response's */
	mono_us_t asked_at;		/* a server, for it */
	bool reading;			/* its answer says where it came from */
	struct cache_control cache;
	struct position *after; /* Sluice-Read-After */
	size_t nafter, passed;	/* positions, and how many are passed */
	bool bad_after;
	mono_us_t waiting_since; /* for a position; 0: not */
	dur_us_t waited;
	/* Its lookup. */
	struct request *request; /* that is looked up for */
	struct singleflight_waiter flight;
	uint64_t mode; /* of the flight */
	enum lookup_way way;
	bool in_flight;
	bool collapsed;
	/* What became of it. */
	struct value *value; /* owned reference */
	enum tier tier;
	unsigned skipped;
	struct tier_times times;
	enum read_failure failure;
	/* Answers the request if the read fails; NULL: the failure is the
	 * answer. */
	enum step_result (*otherwise)(struct request *r);
};

/* How the request must be looked up now. */
enum lookup_way lookup_way(const struct request *r);

/* Joins or starts the lookup of the request's key. Later, on the request's
 * thread, its result is in r->read, and the request is resumed. */
void lookup_join(struct request *r);
/* False: the result is on its way already. */
bool lookup_leave(struct request *r);
