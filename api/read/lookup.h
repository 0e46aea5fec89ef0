/* A lookup past L1, of a document, a page of a list or a group: Redis, then the
 * replica, then the primary, until one has a value that may be served (INV-1).
 * Redis has no pages and no groups, because it knows commits by key, not by
 * collection.
 *
 * All requests of this instance that miss the same key in the same mode share
 * one lookup (api/read/singleflight.h). A tier that is away is skipped, and the
 * answer says so.
 *
 * The race of no-cache: a lookup in flight may have read the row before this
 * request came. Therefore a request for a fresh value shares no lookup, not
 * even with another of its kind. But many such requests share their queries,
 * because a query is sent after the last of its requests came
 * (api/read/pg_reader.h).
 */
#pragma once

#include "api/cache/tier.h"
#include "api/cache/value.h"
#include "api/http/cache_control.h"
#include "api/read/singleflight.h"
#include "common/log/version.h"
#include "common/sql/selection.h"

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
	READ_REFUSED, /* a list that Postgres rejects: its query is at fault */
	READ_LATE,    /* a list that exceeds its time */
	READ_TOO_LARGE, /* the row is larger than document.max_bytes; or the
			 * group has too many rows, or bytes */
};

enum lookup_way {
	LOOKUP_NONE,
	LOOKUP_ALL,	/* all tiers in turn */
	LOOKUP_CACHES,	/* only-if-cached: only Redis */
	LOOKUP_FRESH,	/* no-cache: not Redis, and a lookup of its own */
	LOOKUP_PRIMARY, /* the primary only: see lookup_way */
};

struct lookup_result {
	struct value *value; /* borrowed; NULL: no tier had a value in time */
	enum tier tier;
	unsigned skipped; /* bits of enum tier_skip */
	struct tier_times times;
	enum read_failure failure; /* REFUSED, LATE, TOO_LARGE, or OK */
};

/* The state of a request that reads, also of a write whose row is read after
 * its commit. Owned by the request, from read_enter to read_free. */
struct read_op {
	struct list_query *list; /* NULL: it reads a document */
	bool whole;		 /* the whole list is asked for, not a page */
	bool exports;		 /* it is an export of the list */
	const struct export_form *form; /* the form of the export */
	struct export *export;		/* owned, until the response owns it */
	mono_us_t asked_at;    /* when a server was asked for the export */
	struct selection only; /* what the reader of a document wants */
	bool reading;	       /* its answer has the headers of a read */
	struct cache_control cache;
	struct position *after; /* Sluice-Read-After */
	size_t nafter, passed;	/* positions; how many are passed */
	bool bad_after;
	mono_us_t waiting_since; /* for a position; 0: it does not wait */
	dur_us_t waited;
	/* Its lookup. */
	struct request *request; /* the request of this read_op */
	struct singleflight_waiter flight;
	uint64_t mode; /* the mode of the flight */
	enum lookup_way way;
	bool in_flight;
	bool collapsed;
	/* Its result. */
	struct value *value; /* owned reference */
	enum tier tier;
	unsigned skipped;
	struct tier_times times;
	enum read_failure failure;
	/* Answers the request if the read fails; NULL: the failure is the
	 * answer. */
	enum step_result (*otherwise)(struct request *r);
};

/* How the request must be looked up now. LOOKUP_PRIMARY: the floors of its key
 * or list are closed; or Kafka cannot be reached, and read.without_log says to
 * bypass the caches then. */
enum lookup_way lookup_way(const struct request *r);

/* Joins or starts the lookup of the request's key. Later, on the request's
 * thread, its result is put into r->read, and the request is resumed. */
void lookup_join(struct request *r);
/* Leaves the lookup. False: the result is on its way already. */
bool lookup_leave(struct request *r);
