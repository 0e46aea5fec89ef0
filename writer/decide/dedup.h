/* Finds the second copy of a record: how far each producer's records have been
 * applied in a partition (pure core).
 *
 * A producer that does not get the answer to a request sends it again. After a
 * change of leader, the broker may not recognise the repetition. The numbers of
 * one instance ascend in log order. So a record whose number is not above the
 * last one is a copy.
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
	size_t last; /* the one found last: mostly the next one, too */
};

void dedup_set(struct dedup *p, const char *instance, size_t len, uint64_t seq);
/* Sets out[i] if the i-th write is a copy. `next` gets the newest number of
 * each instance after these writes. */
void dedup_judge(const struct dedup *p, const struct write *writes, size_t n,
    bool *out, struct dedup *next);
/* These writes are committed. */
void dedup_adopt(struct dedup *p, const struct dedup *next);
void dedup_free(struct dedup *p);
