/* The writes of a batch, folded to one change per key (pure core).
 *
 * Changes come sorted by (collection, key bytes): one lock order for every
 * transaction, and one run per collection.
 */
#pragma once

#include "writer/decide/arena.h"
#include "writer/decide/write.h"

/* What became of one write. */
enum outcome {
	OUTCOME_CREATED,
	OUTCOME_REPLACED,
	OUTCOME_DELETED,
	OUTCOME_REJECTED,
};

struct fold_verdict {
	enum outcome outcome;
	enum reason reason; /* of a rejection */
	const char
	    *detail; /* the constraint's name, kept by the fold; or NULL */
};

/* A row as it is before the batch. */
struct fold_row {
	bool present;
	version_t version;
	struct jsonslice document; /* none: it is too large to be read */
	bool too_large;
	size_t most; /* bytes of what a change may make of it; 0: any */
};

struct fold_change {
	/* All writes of the key in log order; borrowed. */
	const struct write *const *writes;
	size_t nwrites;
	const struct collection *collection;
	/* Its row must be known, and fold_decide be told: until then there is
	 * nothing below. */
	bool reads;
	/* Of each write. Of a change that does not read: after fold_settle. */
	struct fold_verdict *verdicts;
	/* The row that was there before is gone: a delete is among them. */
	bool erase;
	/* The document that the row ends with; none: there is no row, or it
	 * stays as it is. */
	struct jsonslice put;
	/* Of the row; of a plain delete, at least that. */
	version_t version;
	/* For an insert. An update keeps the row's own created_at. */
	wall_us_t created_at;
	wall_us_t updated_at;
};

struct fold {
	struct fold_change *changes;
	size_t n;
	const struct write **sorted;
	struct fold_verdict *verdicts;
	struct arena arena;
};

/* Refused writes are left out, and those for which `out` says so (NULL: none).
 * Borrows the writes, which must not move. */
void fold_init(
    struct fold *f, const struct write *writes, size_t n, const bool *out);
void fold_free(struct fold *f);
/* The change of a key, or NULL. */
struct fold_change *fold_find(const struct fold *f, const struct collection *c,
    const char *key, size_t len);

/* The i-th write of a plain change as a change of its own, without verdicts. */
struct fold_change fold_alone(const struct fold_change *c, size_t i);

/* Of a change that reads: borrows the row. */
void fold_decide(
    struct fold *f, struct fold_change *c, const struct fold_row *row);
/* Of one that does not: was there a row? Until it is known, guess yes. Only
 * the first write's verdict depends on it, */
void fold_settle(const struct fold_change *c, bool existed);
/* and it is a rejection if there was none: then this is true. */
bool fold_needs_row(const struct fold_change *c);

/* What there is to announce. */
struct fold_effect {
	const struct write *last; /* newest that took effect */
	bool gone;		  /* it deleted the row */
	/* The write that made the row which is there now, or which is gone;
	 * NULL: it was there before. */
	const struct write *creator;
};

/* The next one, from the write `at` on, which is moved behind it. Mostly there
 * is one. But each write that made a row is told as some row's creator: so the
 * end of a row that was made here stands alone if another one follows it.
 * False: there is none. */
bool fold_next_effect(
    const struct fold_change *c, size_t *at, struct fold_effect *out);
