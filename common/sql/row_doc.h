/* The canonical document of a row (pure core).
 *
 * Made from the columns that every statement of common/sql/sql.h returns a row
 * in, so that every tier holds equal bytes, whoever read the row. Those bytes
 * are the ones of Postgres's own row_to_json in a session in UTC, which costs
 * it more than the row itself: that they are equal is tested against it
 * (tests/integration/schema/test_documents.py).
 */
#pragma once

#include "common/base/buf.h"
#include "common/postgres/pg_shape.h"
#include "common/schema/collection.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* The columns of a row: key, each field, created_at, updated_at. */
#define ROW_DOC_COLUMNS(c) (1 + (int)(c)->nfields + 2)
enum { ROW_DOC_CELLS = 1 + COLLECTION_FIELDS + 2 }; /* at most */

/* A column of a row in Postgres's binary format; len -1: null. */
struct row_doc_cell {
	const char *s;
	int len;
};

/* Can they be cells of such a row? A time has eight bytes. */
bool row_doc_fits(const struct collection *c, const struct row_doc_cell *cells);
/* The same of a row of a result with enough columns. */
bool row_doc_fits_at(
    const struct collection *c, const PGresult *r, int row, int first);

/* Of a result with the columns, R being a row of the collection. */
struct pg_shape row_doc_shape(const char *columns, const struct collection *c);

/* Appends the document of a row, whose cells fit. */
void row_doc_write(struct buf *out, const struct collection *c,
    const struct row_doc_cell *cells);
/* The same of a row of binary results, whose columns begin at `first`. */
void row_doc_add(struct buf *out, const struct collection *c, const PGresult *r,
    int row, int first);
