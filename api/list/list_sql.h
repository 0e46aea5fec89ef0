/* The SQL of a page of a list (pure core). Names come from the declaration;
 * whatever came from the client is a parameter, of its column's type.
 *
 * A page begins behind a row, not at a number: `(price, id) > ($3, $4)`, which
 * an index on both finds at once, however far the page is from the first one.
 *
 * Nulls are greater than every value (Postgres's order, and its indexes'):
 * last ascending, first descending. A row comparison with a null is neither
 * true nor false, so where the column may be null, a page that may have both
 * values and nulls is put together from two ranges of the index.
 */
#pragma once

#include "api/list/list_query.h"
#include "common/sql/row_doc.h"

#include <libpq-fe.h>

enum { LISTSQL_PARAMS = LIST_FILTERS + 5 };

/* Columns (binary): LISTSQL_AFTER text, what the list is ordered by (null where
 * that is the key); from LISTSQL_ROW on the row; at LISTSQL_FOUND(c) int8, how
 * many rows were found, one more than the limit at most. Of very large rows
 * fewer come: none that begins behind `max_bytes`. */
enum { LISTSQL_AFTER = 0, LISTSQL_ROW = 1 };
#define LISTSQL_SHAPE "sRv8" /* and where the row begins */
#define LISTSQL_FOUND(c) (LISTSQL_ROW + ROWDOC_COLUMNS(c))

struct listsql {
	struct buf sql;
	int n;
	Oid types[LISTSQL_PARAMS];
	char *values[LISTSQL_PARAMS]; /* owned */
	int lengths[LISTSQL_PARAMS];
	int formats[LISTSQL_PARAMS];
};

void listsql_make(
    struct listsql *out, const struct listquery *q, size_t max_bytes);
void listsql_free(struct listsql *s);
/* Appends ` ORDER BY …`, of the columns of row t. */
void listsql_order(struct buf *out, const struct listquery *q);
