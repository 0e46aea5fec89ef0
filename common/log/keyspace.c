/* Where a key lives. A change here is a change of the data format: the vectors
 * in tests/unit/common/log/test_keyspace.c pin it.
 */
#include "common/log/keyspace.h"

#include "common/base/check.h"
#include "common/schema/collection.h"

#include <string.h>
#include <xxhash.h>

static bool keyspace_is_batch(const char *name, size_t len)
{
	return len == strlen(KEYSPACE_BATCH) &&
	       memcmp(name, KEYSPACE_BATCH, len) == 0;
}

static bool find_group(
    const char *id, size_t len, bool if_unknown, struct key_group *out)
{
	const char *slash = len ? memchr(id, '/', len) : NULL;
	if (slash == NULL)
		return false;
	size_t name = (size_t)(slash - id);
	*out = (struct key_group){slash + 1, len - name - 1};
	if (keyspace_is_batch(id, name))
		return true;
	const struct collection *c = collection_find(id, name);
	if (c ? !c->group : !if_unknown)
		return false;
	const char *colon = out->len ? memchr(out->s, ':', out->len) : NULL;
	if (colon)
		out->len = (size_t)(colon - out->s);
	return true;
}

bool keyspace_group(const char *id, size_t len, struct key_group *out)
{
	return find_group(id, len, false, out);
}

bool keyspace_group_perhaps(const char *id, size_t len, struct key_group *out)
{
	return find_group(id, len, true, out);
}

static struct key_slot slot_of(uint64_t home, uint64_t hash, int32_t partitions)
{
	CHECK(partitions > 0);
	return (struct key_slot){
	    .partition = (int32_t)(home % (uint64_t)partitions),
	    .bucket = (uint32_t)((hash >> 32) % KEYSPACE_BUCKETS),
	};
}

struct key_slot keyspace_group_slot(struct key_group g, int32_t partitions)
{
	uint64_t home = XXH3_64bits(g.s, g.len);
	return slot_of(home, home, partitions);
}

struct key_slot keyspace_slot(const char *id, size_t len, int32_t partitions)
{
	/* No seed, because every process must agree. A client that constructs
	 * colliding keys makes its own reads slower, but never stale. */
	uint64_t hash = XXH3_64bits(id, len), home = hash;
	struct key_group group;
	if (keyspace_group(id, len, &group))
		home = XXH3_64bits(group.s, group.len);
	return slot_of(home, hash, partitions);
}

bool keyspace_is_home(
    const char *id, size_t len, int32_t partition, int32_t partitions)
{
	struct key_group group;
	if (keyspace_slot(id, len, partitions).partition == partition)
		return true;
	/* A group that is known was the one that decided. */
	return keyspace_group_perhaps(id, len, &group) &&
	       keyspace_group_slot(group, partitions).partition == partition;
}
