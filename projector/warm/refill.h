/* Filling Redis with the rows of some keys, once and as they are now. */
#pragma once

#include "projector/core/settings.h"
#include "projector/core/stats.h"
#include "projector/warm/warm_keys.h"

#include "common/base/loop.h"
#include "common/redis/redis.h"

struct refill;

struct refill_options {
	struct loop *loop;
	const struct projector_settings *settings;
	struct redis *redis;
	struct stats *stats;
	/* All keys are through; so many of them are in Redis now. */
	void (*done)(void *arg, size_t filled);
	void *arg;
};

/* All borrowed; the URLs in the settings were checked. */
struct refill *refill_new(const struct refill_options *o);
/* Of one partition; sorts the keys, and borrows them until it is over. Waits
 * for servers that are away. `done` may come at once. */
void refill_start(struct refill *r, int32_t partition, struct warm_keys *keys);
/* `done` is not called any more. */
void refill_stop(struct refill *r);
/* After the connection to Redis, whose last answers come here. */
void refill_free(struct refill **r);
