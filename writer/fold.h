/* The writes of a batch, folded to one change per key (pure core).
 *
 * Changes come sorted by (collection, key bytes): one lock order for every
 * transaction, and one run per collection.
 */
#pragma once

#include "writer/write.h"

/* What became of one write. */
enum outcome {
	OUTCOME_CREATED,
	OUTCOME_REPLACED,
	OUTCOME_DELETED,
	OUTCOME_NOT_FOUND, /* a delete of an absent row: rejected */
};

struct fold_change {
	/* All writes of the key in log order; borrowed. */
	const struct write *const *writes;
	size_t nwrites;
	const struct collection *collection;
	/* The row that was there before is gone: a delete is among them. */
	bool erase;
	/* The document that the row ends with; NULL: there is no row. */
	const struct write *put;
	version_t version; /* of the newest write */
	/* For an insert. An update keeps the row's own created_at. */
	wall_us_t created_at;
	wall_us_t updated_at;
};

struct fold {
	struct fold_change *changes;
	size_t n;
	const struct write **sorted;
};

/* Refused writes are left out. Borrows the writes, which must not move. */
void fold_init(struct fold *f, const struct write *writes, size_t n);
void fold_free(struct fold *f);
/* The change of a key, or NULL. */
struct fold_change *fold_find(const struct fold *f, const struct collection *c,
    const char *key, size_t len);

/* The outcome of each write, given whether the row was there before. */
void fold_outcomes(
    const struct fold_change *c, bool existed, enum outcome *out);
/* Only the first write's outcome depends on what was there before; true when
 * it is a rejection if there was nothing. */
bool fold_needs_row(const struct fold_change *c);

/* What there is to announce. */
struct fold_effect {
	const struct write *last; /* newest that took effect; NULL: none did */
	/* The write that made the row as it is now; NULL: it was there before,
	 * or it is gone. */
	const struct write *creator;
};

struct fold_effect fold_effect(const struct fold_change *c, bool existed);
