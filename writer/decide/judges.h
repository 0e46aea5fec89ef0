/* Who judges the writes of a collection: the writer, or Postgres, too (pure
 * core).
 *
 * The declared constraints are judged write by write in the fold. A table may
 * have more than those: an operator's unique index, a reference, a check, a
 * trigger. Of the writes that are folded Postgres sees the last one only, and
 * of a statement of many rows it may judge the whole. So that what becomes of
 * each does not depend on where a batch ends, such a collection has batches in
 * which no key comes twice, and if rows may depend on each other, statements of
 * one write each, in the order of the log.
 */
#pragma once

#include "common/postgres/pg_params.h"
#include "writer/decide/write.h"

enum judge {
	JUDGE_WRITER, /* the table has what is declared */
	JUDGE_ROWS,   /* Postgres looks at each row by itself */
	JUDGE_ORDER,  /* it may look at others: their order counts */
};

struct judges;

/* All are the writer's, until it is read otherwise. Returns owned. */
struct judges *judges_new(void);
void judges_free(struct judges **j);
/* What the catalog is asked. Columns (binary): collection text, judge int4. */
struct pg_params judges_call(void);
/* Of its answer; logs what is another than before. */
void judges_read(struct judges *j, const PGresult *r);
enum judge judges_of(const struct judges *j, const struct collection *c);

/* How many of the writes, from the first on, may be one batch. */
size_t judges_fit(const struct judges *j, const struct write *writes, size_t n);
/* Must the batch be applied write by write? */
bool judges_order(const struct judges *j, const struct write *writes, size_t n);
