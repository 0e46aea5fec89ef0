/* The canonical document of a row (pure core).
 *
 * Every statement of common/sql/sql.h returns a row in the same columns, and
 * the document is made from these columns here. So every tier holds equal
 * bytes, whoever read the row. The bytes are those of Postgres's row_to_json in
 * a session in UTC (tests/integration/schema/test_documents.py compares them).
 * Postgres is not asked for them, because row_to_json costs it more than the
 * row itself.
 */
#pragma once

#include "common/base/buf.h"
#include "common/postgres/pg_shape.h"
#include "common/schema/collection.h"
#include "common/sql/selection.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* The columns of a row: key, each field, created_at, updated_at; both are null
 * if the table has no times. */
#define ROW_DOC_COLUMNS(c) (1 + (int)(c)->nfields + 2)
enum { ROW_DOC_CELLS = 1 + COLLECTION_FIELDS + 2 }; /* at most */

/* A column of a row in Postgres's binary format; len -1: null. */
struct row_doc_cell {
	const char *s;
	int len;
};

/* Can these be the cells of a row of the collection? A time has eight bytes. */
bool row_doc_fits(const struct collection *c, const struct row_doc_cell *cells);
/* The same for a row of a result that has enough columns. */
bool row_doc_fits_at(
    const struct collection *c, const PGresult *r, int row, int first);

/* The shape of a result with these columns; R stands for a row of the
 * collection. */
struct pg_shape row_doc_shape(const char *columns, const struct collection *c);

/* The type of a column of the row: the key, each field, created_at, updated_at.
 */
enum column_type row_doc_column(const struct collection *c, size_t column);
/* Appends the value of a cell that fits, as JSON. */
void row_doc_value(
    struct buf *out, enum column_type column, struct row_doc_cell cell);
/* Takes the cells of a row of a binary result; its columns begin at `first`. */
void row_doc_cells(const struct collection *c, const PGresult *r, int row,
    int first, struct row_doc_cell *cells);

/* Appends the document of a row, whose cells fit, with the members that are
 * selected. */
void row_doc_write_of(struct buf *out, const struct collection *c,
    const struct selection *only, const struct row_doc_cell *cells);
/* The same for a row of a binary result; its columns begin at `first`. Without
 * a selection: all members. */
void row_doc_add(struct buf *out, const struct collection *c, const PGresult *r,
    int row, int first);
void row_doc_add_of(struct buf *out, const struct collection *c,
    const struct selection *only, const PGresult *r, int row, int first);
