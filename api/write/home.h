/* The home of a write with an Idempotency-Key whose row gets a generated key
 * (pure core): the partition that the hash of the Idempotency-Key chooses.
 *
 * A retry gets another generated key. If that key belonged to another
 * partition, two partitions would have to agree which of the two writes is the
 * first. Therefore the generated key is chosen such that it belongs to the home
 * partition. So retries meet in one partition, whose log has an order.
 */
#pragma once

#include "api/write/uuidv7.h"
#include "common/base/clock.h"
#include "common/schema/collection.h"

struct home {
	const struct collection *collection; /* of the row */
	int32_t partition, partitions;
};

/* Depends on the Idempotency-Key only, not on the collection. */
struct home home_of(const char *idempotency_key, size_t len,
    const struct collection *c, int32_t partitions);
/* Does the row with this key belong to the home partition? */
bool home_has(const struct home *h, const char *key, size_t len);
bool home_has_id(const struct home *h, int64_t id);
/* Makes a UUIDv7 that does. `a`, `b`: random bits. Takes about as many tries as
 * there are partitions, of some 30 ns each. */
void home_uuid(const struct home *h, wall_us_t now, uint64_t a, uint64_t b,
    char out[UUIDV7_LEN]);
