/* Who checks the writes of a collection: the writer, or Postgres, too (pure
 * core).
 *
 * The fold checks the declared constraints write by write. A table may have
 * more: an operator's unique index, a reference, a check, a trigger. Postgres
 * sees only the last of the writes that are folded, and it may check a
 * statement of many rows as a whole. But an outcome must not depend on where a
 * batch ends. So in a batch of such a collection no key comes twice. If rows
 * may depend on each other, each write is also a statement by itself, in log
 * order.
 *
 * A touch takes the row that Postgres has. So a batch has no other write of its
 * key, except touches.
 *
 * An atomic batch is decided as a whole, against the rows before it. So a batch
 * has no other write of a key that an atomic batch has. Then its outcome is the
 * same as in a batch by itself.
 */
#pragma once

#include "common/postgres/pg_params.h"
#include "writer/decide/write.h"

enum judge {
	JUDGE_WRITER, /* the table has only what is declared */
	JUDGE_ROWS,   /* Postgres checks each row by itself */
	JUDGE_ORDER,  /* a check may depend on other rows: order counts */
};

struct judges;

/* Every collection is JUDGE_WRITER until judges_read. Returns owned. */
struct judges *judges_new(void);
void judges_free(struct judges **j);
/* The query to the catalog. Columns (binary): collection text, judge int4. */
struct pg_params judges_call(void);
/* To be called when there are new collections. Until judges_read, what their
 * declarations say counts, also of those that they refer to. */
void judges_expect(struct judges *j);
/* Reads its result; logs the collections that changed. */
void judges_read(struct judges *j, const PGresult *r);
enum judge judges_of(const struct judges *j, const struct collection *c);

/* How many of the leading writes may form one batch. */
size_t judges_fit(const struct judges *j, const struct write *writes, size_t n);
/* Must the batch be applied write by write? */
bool judges_order(const struct judges *j, const struct write *writes, size_t n);
