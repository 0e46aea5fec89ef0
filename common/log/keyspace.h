/* Where a key lives: its partition in both logs, and its floor bucket.
 *
 * Both come from an XXH3-64 of the id `collection/key`, from different bits,
 * and are part of the data format: every instance, and Redis, must agree. If
 * the collection has groups (common/schema/collection.h), the partition comes
 * from a hash of the group alone, whatever the collection is. So one partition
 * orders all writes of a group. `_batch/group` is the id of an atomic batch.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In place of the collection's name, in the id of a batch. */
#define KEYSPACE_BATCH "_batch"

/* Floors per partition. With more buckets there are fewer collisions. A
 * collision costs one extra read; it never causes a stale read. */
#define KEYSPACE_BUCKETS 65536

struct key_slot {
	int32_t partition;
	uint32_t bucket;
};

/* The group that decides about the partition; borrowed from the id. False: the
 * id has no group. */
struct key_group {
	const char *s;
	size_t len;
};
bool keyspace_group(const char *id, size_t len, struct key_group *out);
/* Where the group itself lives: the partition of all its keys, and the floor
 * bucket of what was read of the group as a whole (api/list/group.h). */
struct key_slot keyspace_group_slot(struct key_group g, int32_t partitions);
struct key_slot keyspace_slot(const char *id, size_t len, int32_t partitions);
/* --- keys of collections that this daemon may not know yet ----------------
 *
 * Another daemon may have the declaration already. It alone says whether the
 * collection has groups. */

/* The group that the key has, or may have. False: it has none. */
bool keyspace_group_perhaps(const char *id, size_t len, struct key_group *out);
/* Does the key live in this partition, or may it? */
bool keyspace_is_home(
    const char *id, size_t len, int32_t partition, int32_t partitions);
