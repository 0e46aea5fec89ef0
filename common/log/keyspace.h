/* Where a key lives: its partition in both logs, and its floor bucket.
 *
 * Both come from one XXH3-64 of the id `collection/key`, from different bits,
 * and are part of the data format: every instance, and Redis, must agree.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Floors per partition. More buckets: fewer collisions, each of which costs
 * one extra read, never a stale one. */
#define KEYSPACE_BUCKETS 65536

struct key_slot {
	int32_t partition;
	uint32_t bucket;
};

struct key_slot keyspace_slot(const char *id, size_t len, int32_t partitions);
