/* The writes of a batch, folded to one change per key (pure core).
 *
 * Changes are sorted by collection and key bytes. So every transaction locks
 * rows in the same order, and the changes of a collection are adjacent.
 */
#pragma once

#include "writer/decide/arena.h"
#include "writer/decide/write.h"

#include "common/log/outcome.h"

/* The outcome of one write. */
struct fold_verdict {
	enum outcome_kind outcome; /* not OUTCOME_APPLIED */
	enum reason reason;	   /* of a rejection */
	const char
	    *detail; /* the constraint's name, kept by the fold; or NULL */
};

/* A row as it is before the batch. */
struct fold_row {
	bool present;
	version_t version;
	struct jsonslice document; /* none: too large to be read */
	bool too_large;
	size_t most; /* maximum size after a change; 0: no maximum */
};

struct fold_change {
	/* All writes of the key in log order; borrowed. */
	const struct write *const *writes;
	size_t nwrites;
	const struct collection *collection;
	/* The change depends on its row: the members below are set by
	 * fold_decide. */
	bool reads;
	/* It is known that there was no row. Set by fold_decide. */
	bool fresh;
	/* Of each write. If the change does not read: set by fold_settle. */
	struct fold_verdict *verdicts;
	/* The row from before is deleted: one of the writes is a delete, or
	 * creates the key of a row whose time had come. */
	bool erase;
	/* The document that the row has at the end; none: there is no row, or
	 * it stays as it is. */
	struct jsonslice put;
	/* The row is taken as it is: all writes are touches (judges.h). */
	bool touch;
	/* The row's version at the end; of a plain delete, a lower bound. */
	version_t version;
	/* Who made the document; borrowed. */
	struct record_text by;
	/* Whose the row was before: a JSON string; none: there was no row, or
	 * it had no owner. Set by fold_decide; kept by the fold. */
	struct jsonslice owner_was;
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

/* Leaves out refused writes, and those with out[i] set (`out` NULL: none). A
 * batch counts as its operations. Borrows the writes, which must not move. */
void fold_init(
    struct fold *f, const struct write *writes, size_t n, const bool *out);
void fold_free(struct fold *f);
/* The change of a key, or NULL. */
struct fold_change *fold_find(const struct fold *f, const struct collection *c,
    const char *key, size_t len);

/* The i-th write of a plain change as a change by itself, without verdicts. */
struct fold_change fold_alone(const struct fold_change *c, size_t i);

/* Decides a change that reads its row; borrows the row. */
void fold_decide(
    struct fold *f, struct fold_change *c, const struct fold_row *row);
/* Sets the verdicts of a change that does not read its row. `existed`: there
 * was a row; pass true until Postgres has answered. Only the verdict of the
 * first write depends on it. */
void fold_settle(const struct fold_change *c, bool existed);
/* Is the first write rejected if there was no row? */
bool fold_needs_row(const struct fold_change *c);

/* What there is to announce. */
struct fold_effect {
	const struct write *last; /* newest that took effect */
	bool gone;		  /* `last` deleted the row */
	/* The write that created the row, which may be gone again; NULL: the
	 * row was there before. */
	const struct write *creator;
};

/* The next effect to announce, from the write `at` on; moves `at` behind it. A
 * change usually has one effect. But each creation is announced: if a row is
 * created here, deleted or expired, and another one follows, the first row has
 * an effect of its own. False: there is no more. */
bool fold_next_effect(
    const struct fold_change *c, size_t *at, struct fold_effect *out);
