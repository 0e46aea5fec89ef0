/* What must be read before a batch can be decided: rows, idempotency keys. */
#pragma once

#include "common/postgres/pg_params.h"
#include "writer/batch/statements.h"
#include "writer/decide/fold.h"
#include "writer/decide/idempotency.h"

struct lookup;

enum lookup_answer {
	LOOKUP_DONE,
	LOOKUP_MORE,	 /* rows are missing: ask what it asks now */
	LOOKUP_TOO_MUCH, /* see lookup_fits */
	LOOKUP_MOVED,	 /* the partition's watermark is not at `from` */
};

/* NULL: nothing. Borrows the writes and the statements. `most`: bytes of rows
 * that a batch may read, if it is more than one. `document_max`: a row of more
 * is not read. */
struct lookup *lookup_new(const struct statements *s, int32_t partition,
    const struct write *writes, size_t n, size_t most, size_t document_max);
size_t lookup_queries(const struct lookup *l);
/* Fills `out`, which has room for them; borrows the lookup. */
void lookup_query(struct lookup *l, struct pg_query *out);
/* Takes notice of the results of its queries; DONE: borrows them. */
enum lookup_answer lookup_results(
    struct lookup *l, PGresult *const *results, version_t from);
/* After TOO_MUCH: of how many writes, from the first on, the rows are not. At
 * least one, and less than all. */
size_t lookup_fits(const struct lookup *l);
/* The row of a change that reads. */
struct fold_row lookup_row(const struct lookup *l, const struct fold_change *c);
/* Sorted by key. */
const struct idempotency_record *lookup_records(
    const struct lookup *l, size_t *n);
void lookup_free(struct lookup **l);
