/* How many requests per second a caller may send (pure core).
 *
 * `limit.<role> = 100/s burst 200`: a bucket that holds 200 requests and gets
 * 100 a second. Each request thread has a table of buckets of its own, and each
 * bucket has its part of the limit, so that threads share nothing. A bucket is
 * kept as the time at which it would be full again (the "virtual scheduling" of
 * ITU-T I.371: GCRA), so it needs no timer.
 *
 * The table has a fixed size. If there is no room, the bucket that is closest
 * to full is forgotten: its caller loses least by that, and gains least.
 *
 * A table is used by one thread. Limits are made at the start, and then read by
 * all.
 */
#pragma once

#include "common/access/roles.h"
#include "common/base/clock.h"
#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate {
	bool none; /* as many as they like */
	int64_t count;
	dur_us_t per;
	int64_t burst;
};

/* `100/s`, `5000/m burst 200`, `10/h`, `none`; without burst, the count is it.
 * False: malformed. */
bool rate_parse(const char *text, struct rate *out);
/* What is allowed, for people. */
#define RATE_ALLOWED                                                           \
	"none, or N/s, N/m or N/h, then optionally `burst N`; a bucket must "  \
	"be full again within a day"

/* The limit of one role. */
struct rate_limit {
	char role[64];
	role_set set; /* empty: of one of the two roles that all have */
	struct rate rate;
	int64_t step_ns; /* of one thread: how long a request takes to refill */
	int64_t burst;	 /* of one thread */
};

struct rate_limits {
	struct rate_limit *all;
	size_t n;
};

/* Adds a limit; divided by the number of threads. The roles must be known.
 * FATAL: the text is malformed, or nothing is granted to such a role. */
struct err rate_limits_add(
    struct rate_limits *l, const char *role, const char *text, size_t threads);
void rate_limits_free(struct rate_limits *l);
/* The most generous of these roles' limits; NULL: they have none. `anonymous`:
 * the caller has no credential, and so the role of this name; otherwise the
 * role `authenticated`. */
const struct rate_limit *rate_limits_of(
    const struct rate_limits *l, role_set roles, bool anonymous);

/* Whom a bucket belongs to: a hash that nobody outside can predict. */
struct rate_key {
	uint64_t a, b;
};

struct rate_answer {
	bool allowed;
	int64_t remaining; /* requests that would be allowed now */
	int64_t retry_s;   /* refused: when one is allowed again, rounded up */
	int64_t reset_s;   /* when the bucket is full, rounded up */
};

struct rate_table;

/* `sets`: a power of two (CHECK); it has four buckets for each. Returns owned.
 */
struct rate_table *rate_table_new(size_t sets);
void rate_table_free(struct rate_table **t);
/* Takes one request from the bucket. */
struct rate_answer rate_table_take(struct rate_table *t, struct rate_key key,
    const struct rate_limit *limit, mono_us_t now);
