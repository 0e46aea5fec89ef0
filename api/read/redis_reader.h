/* The Redis tier of reads, on one loop: get with the watermark in one round
 * trip, and fill (common/cache/l2.h).
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

/* `value` is owned by the receiver; NULL unless HIT. */
typedef void (*redis_reader_done)(
    void *arg, enum redis_reader_status status, struct value *value);

/* Borrows the id until `done`. False: Redis is away; `done` is not called. */
bool redis_reader_get(struct redis *r, int32_t partition, const char *id,
    size_t len, redis_reader_done done, void *arg);
/* Offers a value; Redis refuses what is older than a commit it knows. Nobody
 * waits for the answer. */
void redis_reader_fill(struct redis *r, struct key_slot slot, const char *id,
    size_t len, const struct value *v, dur_us_t ttl);
