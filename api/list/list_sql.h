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

enum { LIST_SQL_PARAMS = LIST_FILTERS + 5 };

/* Columns (binary): LIST_SQL_AFTER text, what the list is ordered by (null
 * where that is the key); from LIST_SQL_ROW on the row; at LIST_SQL_FOUND(c)
 * int8, how many rows were found, one more than the limit at most. Of very
 * large rows fewer come: none that begins behind `max_bytes`. */
enum { LIST_SQL_AFTER = 0, LIST_SQL_ROW = 1 };
#define LIST_SQL_SHAPE "sRv8" /* and where the row begins */
#define LIST_SQL_FOUND(c) (LIST_SQL_ROW + ROW_DOC_COLUMNS(c))

struct list_sql {
	struct buf sql;
	int n;
	Oid types[LIST_SQL_PARAMS];
	char *values[LIST_SQL_PARAMS]; /* owned */
	int lengths[LIST_SQL_PARAMS];
	int formats[LIST_SQL_PARAMS];
};

void list_sql_make(
    struct list_sql *out, const struct list_query *q, size_t max_bytes);
void list_sql_free(struct list_sql *s);
/* Appends ` ORDER BY …`, of the columns of row t. */
void list_sql_order(struct buf *out, const struct list_query *q);
