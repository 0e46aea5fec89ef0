/* Fills Redis with the current rows of some keys, once. */
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
	/* All keys are done; `filled` of them are in Redis now. */
	void (*done)(void *arg, size_t filled);
	void *arg;
};

/* All borrowed; the URLs in the settings were checked. */
struct refill *refill_new(const struct refill_options *o);
/* The keys are of one partition. Sorts them, and borrows them until `done`.
 * Waits for servers that are away. `done` may be called at once. */
void refill_start(struct refill *r, int32_t partition, struct warm_keys *keys);
/* `done` is not called any more. */
void refill_stop(struct refill *r);
/* Call it after the connection to Redis is freed, because its last answers come
 * here. */
void refill_free(struct refill **r);
