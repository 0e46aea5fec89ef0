/* Where a key lives. A change here is a change of the data format: the vectors
 * in tests/unit/common/log/test_keyspace.c pin it.
 */
#include "common/log/keyspace.h"

#include "common/base/check.h"

#include <xxhash.h>

struct key_slot keyspace_slot(const char *id, size_t len, int32_t partitions)
{
	CHECK(partitions > 0);
	/* No seed, because every process must agree. A client that constructs
	 * colliding keys makes its own reads slower, but never stale. */
	uint64_t hash = XXH3_64bits(id, len);
	return (struct key_slot){
	    .partition = (int32_t)(hash % (uint64_t)partitions),
	    .bucket = (uint32_t)((hash >> 32) % KEYSPACE_BUCKETS),
	};
}
