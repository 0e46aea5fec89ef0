/* Which writes of a batch are retries of others (pure core).
 *
 * An idempotency key belongs to the first write that has it, whatever its
 * outcome. A later write with the same key and fingerprint is a replay: it is
 * not applied and gets the outcome of the first. With another fingerprint it is
 * rejected. Keys are global: the first write may be in another partition,
 * because a retry may have another generated key.
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
	struct jsonslice row_key; /* of the first write; text, may be empty */
};

enum idempotency_role {
	IDEMPOTENCY_NONE, /* no key */
	IDEMPOTENCY_FIRST,
	IDEMPOTENCY_REPLAY,
	IDEMPOTENCY_REUSED,
};

struct idempotency_verdict {
	enum idempotency_role role;
	/* Of a replay, one of three: the record of the first write in Postgres;
	 * or what was announced of it (write.h); or, if both are NULL, the
	 * index of the first write in this batch. */
	const struct idempotency_record *record;
	size_t first;
	const struct record_first *told;
};

/* If the outcomes of the writes were announced before a failover, the announced
 * roles count, whatever Postgres has: another partition may be less far, or
 * further, than it was then. A batch has only such writes, or none
 * (partition.c).
 *
 * Leaves out writes with out[i] set. `known` is sorted by key bytes. `order`
 * gets the indexes of the first writes, sorted by key; returns how many. */
size_t idempotency_judge(const struct write *writes, size_t n, const bool *out,
    const struct idempotency_record *known, size_t nknown,
    struct idempotency_verdict *verdicts, size_t *order);
