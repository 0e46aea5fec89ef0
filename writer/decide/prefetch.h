/* Reads what the decision of a batch needs: rows, idempotency keys. */
#pragma once

#include "common/postgres/pg_params.h"
#include "writer/core/statements.h"
#include "writer/decide/fold.h"
#include "writer/decide/idempotency.h"

struct prefetch;

enum prefetch_answer {
	PREFETCH_DONE,
	PREFETCH_MORE,	   /* rows are missing: send its new queries */
	PREFETCH_TOO_MUCH, /* see prefetch_fits */
	PREFETCH_MOVED,	   /* the partition's watermark is not at `from` */
};

/* NULL: nothing must be read. Borrows the writes and the statements. `most`:
 * the maximum bytes of rows that a batch may read, unless it is a single row.
 * `document_max`: larger rows are not read. */
struct prefetch *prefetch_new(const struct statements *s, int32_t partition,
    const struct write *writes, size_t n, size_t most, size_t document_max);
size_t prefetch_queries(const struct prefetch *l);
/* Fills `out`, which has room for them; borrows the lookup. */
void prefetch_query(struct prefetch *l, struct pg_query *out);
/* Reads the results of its queries; DONE: borrows them. */
enum prefetch_answer prefetch_results(
    struct prefetch *l, PGresult *const *results, version_t from);
/* After TOO_MUCH: how many of the leading writes may be read for: at least one,
 * and less than all. */
size_t prefetch_fits(const struct prefetch *l);
/* The row of a change that reads. */
struct fold_row prefetch_row(
    const struct prefetch *l, const struct fold_change *c);
/* Sorted by key. */
const struct idempotency_record *prefetch_records(
    const struct prefetch *l, size_t *n);
void prefetch_free(struct prefetch **l);
