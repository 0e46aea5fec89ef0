/* Redis as a tier of reads, on one loop: gets a value with the watermark in one
 * round trip, and fills (common/cache/l2.h).
 */
#pragma once

#include "api/cache/value.h"
#include "common/log/keyspace.h"
#include "common/redis/redis.h"

#include <stdbool.h>
#include <stddef.h>

enum redis_reader_status {
	REDIS_READER_HIT,
	REDIS_READER_MISS,
	REDIS_READER_FAILED, /* no answer in time, or an error */
};

/* The receiver owns `value`; NULL unless HIT. */
typedef void (*redis_reader_done)(
    void *arg, enum redis_reader_status status, struct value *value);

/* Asks for a value; `done` is called once, later. Borrows the id until then.
 * False: Redis is away; `done` is not called. */
bool redis_reader_get(struct redis *r, int32_t partition, const char *id,
    size_t len, redis_reader_done done, void *arg);
/* Offers a value to Redis, which refuses it if it is older than a commit that
 * Redis knows. The outcome is not reported. */
void redis_reader_fill(struct redis *r, struct key_slot slot, const char *id,
    size_t len, const struct value *v, dur_us_t ttl);
