/* Which writes of a batch are retries of others (pure core).
 *
 * An idempotency key belongs to the first write in which it comes, whatever
 * became of that. A later one with the same fingerprint is a replay: it is not
 * applied and has the first one's outcome. With another fingerprint it is
 * rejected. Keys are global: the first one may be in another partition, because
 * a retry may have been given another generated key.
 */
#pragma once

#include "writer/decide/write.h"

#include "common/json/jsonslice.h"

/* A key that Postgres knows; borrowed. */
struct idempotency_record {
	const char *key;
	size_t key_len;
	uint64_t fingerprint;
	struct position first;
	const char *outcome;
	size_t outcome_len;
	struct jsonslice row_key; /* of the first; a text, may be empty */
};

enum idempotency_role {
	IDEMPOTENCY_NONE, /* no key */
	IDEMPOTENCY_FIRST,
	IDEMPOTENCY_REPLAY,
	IDEMPOTENCY_REUSED,
};

struct idempotency_verdict {
	enum idempotency_role role;
	/* Of a replay: what Postgres knows, or NULL, and it is a replay of */
	const struct idempotency_record *record;
	size_t first;		       /* this write of the batch; */
	const struct record_why *told; /* or what was told of it (write.h). */
};

/* Of writes whose outcomes were told before a failover it was judged then, and
 * is so still, whatever is known: another partition may not have come as far
 * yet, or further. A batch has such writes only, or none (partition.c).
 *
 * The writes for which `out` says so take no part. `known` is sorted by key
 * bytes. `order` gets the indexes of the first ones, by key; returns how
 * many. */
size_t idempotency_judge(const struct write *writes, size_t n, const bool *out,
    const struct idempotency_record *known, size_t nknown,
    struct idempotency_verdict *verdicts, size_t *order);
