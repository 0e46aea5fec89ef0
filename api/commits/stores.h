/* How far Redis and the replica are, what Redis has, and how many instances of
 * the api there are: for /health, /stats and the console.
 *
 * Measured once a second, on the main loop. The replica is the one that this
 * instance would read from: the first host of `replica.urls` that answers.
 *
 * The instances know of each other by a sorted set in Redis: each adds itself
 * every second, with its time, and removes those that have not done so for
 * STORES_GONE_S. Nothing but the number that is shown depends on it.
 */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct instance;
struct stores;

enum { STORES_GONE_S = 15 };

struct stores_place {
	/* Writes that this instance knows to be decided, and that the store
	 * does not have; -1: not known. */
	int64_t behind;
	dur_us_t lag; /* for how long (api/commits/lag.h); -1: not known */
};

struct stores_report {
	bool redis_known; /* Redis answered */
	int64_t redis_keys;
	struct stores_place redis, replica;
	int64_t apis; /* instances; -1: not known */
};

/* The lag in whole seconds; -1: not known. */
static inline int64_t stores_seconds(struct stores_place place)
{
	return place.lag < 0 ? -1 : place.lag / CLOCK_S(1);
}

/* On the main loop. Returns owned. */
struct stores *stores_new(struct instance *instance);
/* Any thread. */
struct stores_report stores_get(struct stores *s);
void stores_free(struct stores **s);
