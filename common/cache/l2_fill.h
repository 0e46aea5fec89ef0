/* Filling Redis with a row that was read from Postgres: the script L2_FILL. */
#pragma once

#include "common/cache/l2.h"
#include "common/log/keyspace.h"

/* `as_of`: the watermark of the snapshot from which the entry was read. `done`
 * gets the script's reply (common/cache/l2_fill.lua), as in redis_eval. */
bool l2_fill_send(struct redis *r, struct key_slot slot, const char *id,
    size_t len, version_t as_of, const struct l2_entry *e, dur_us_t ttl,
    redis_done done, void *arg);
