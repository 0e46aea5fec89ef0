/* Where a key lives: its partition in both logs, and its floor bucket.
 *
 * Both come from one XXH3-64 of the id `collection/key`, from different bits,
 * and are part of the data format: every instance, and Redis, must agree.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Floors per partition. With more buckets there are fewer collisions. A
 * collision costs one extra read; it never causes a stale read. */
#define KEYSPACE_BUCKETS 65536

struct key_slot {
	int32_t partition;
	uint32_t bucket;
};

struct key_slot keyspace_slot(const char *id, size_t len, int32_t partitions);
