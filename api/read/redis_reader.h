/* The Redis tier of reads, on one loop: get with the watermark in one round
 * trip, and fill (common/cache/l2.h).
 */
#pragma once

#include "api/core/value.h"
#include "common/log/keyspace.h"
#include "common/redis/redis.h"

#include <stdbool.h>
#include <stddef.h>

enum l2tier_status {
	L2TIER_HIT,
	L2TIER_MISS,
	L2TIER_FAILED, /* no answer in time, or an error */
};

/* `value` is owned by the receiver; NULL unless HIT. */
typedef void (*l2tier_done)(
    void *arg, enum l2tier_status status, struct value *value);

/* Borrows the id until `done`. False: Redis is away; `done` is not called. */
bool l2tier_get(struct redis *r, int32_t partition, const char *id, size_t len,
    l2tier_done done, void *arg);
/* Offers a value; Redis refuses what is older than a commit it knows. Nobody
 * waits for the answer. */
void l2tier_fill(struct redis *r, struct key_slot slot, const char *id,
    size_t len, const struct value *v, dur_us_t ttl);
