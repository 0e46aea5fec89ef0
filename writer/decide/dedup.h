/* How far each producer's records have been applied in a partition, so that
 * the second copy of a record is known for what it is (pure core).
 *
 * A producer that does not hear the answer to a request sends it again; after a
 * change of leader the broker may not recognise it. The numbers of one instance
 * ascend in the order of the log, so what is not above the last one was there
 * before.
 */
#pragma once

#include "writer/decide/write.h"

struct producer_seen {
	char instance[RECORD_INSTANCE_LEN + 1];
	uint64_t seq; /* of the newest record */
};

/* Begins as all zeroes. */
struct dedup {
	struct producer_seen *all;
	size_t n, cap;
	size_t last; /* found: mostly the next one, too */
};

void dedup_set(struct dedup *p, const char *instance, size_t len, uint64_t seq);
/* Sets out[i] where the i-th write is a copy; `next` gets what the instances
 * of these writes are at behind them. */
void dedup_judge(const struct dedup *p, const struct write *writes, size_t n,
    bool *out, struct dedup *next);
/* These writes are committed. */
void dedup_adopt(struct dedup *p, const struct dedup *next);
void dedup_free(struct dedup *p);
