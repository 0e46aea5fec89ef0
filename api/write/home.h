/* The home of a write with an Idempotency-Key whose row has a generated key
 * (pure core): the partition that the hash of the Idempotency-Key names.
 *
 * A retry is given another generated key. If that lay in another partition, two
 * partitions would have to agree which of the two writes is the first one, and
 * whoever commits first would decide. So the generated key is chosen such that
 * it lies at home: retries meet in one partition, whose log has them in order.
 */
#pragma once

#include "api/write/uuidv7.h"
#include "common/base/clock.h"
#include "common/schema/collection.h"

struct home {
	const struct collection *collection; /* of the row */
	int32_t partition, partitions;
};

/* All collections alike: the key alone decides. */
struct home home_of(const char *idempotency_key, size_t len,
    const struct collection *c, int32_t partitions);
/* Does the row with this key lie there? */
bool home_has(const struct home *h, const char *key, size_t len);
bool home_has_id(const struct home *h, int64_t id);
/* A UUIDv7 that does. `a`, `b`: random bits. Takes about as many tries of some
 * 30 ns as there are partitions. */
void home_uuid(const struct home *h, wall_us_t now, uint64_t a, uint64_t b,
    char out[UUIDV7_LEN]);
