/* What must be read before a batch can be decided: rows, idempotency keys. */
#pragma once

#include "common/call.h"
#include "writer/fold.h"
#include "writer/idempotency.h"
#include "writer/statements.h"

struct lookup;

/* NULL: nothing. Borrows the writes and the statements. */
struct lookup *lookup_new(const struct statements *s, int32_t partition,
    const struct write *writes, size_t n);
size_t lookup_queries(const struct lookup *l);
/* Fills `out`, which has room for them; borrows the lookup. */
void lookup_query(struct lookup *l, struct pg_query *out);
/* Takes notice of the results of its queries, and borrows them. False: the
 * partition's watermark is not at `from`. */
bool lookup_results(struct lookup *l, PGresult *const *results, version_t from);
/* The row of a change that reads. */
struct fold_row lookup_row(const struct lookup *l, const struct fold_change *c);
/* Sorted by key. */
const struct idempotency_record *lookup_records(
    const struct lookup *l, size_t *n);
void lookup_free(struct lookup **l);
