/* The SQL of a page of a list, and of an export (pure core). Names come from
 * the declaration. Whatever comes from the client is a parameter with the type
 * of its column; an export is a COPY, which takes no parameters, so there it is
 * a quoted literal of this type (sql_literal).
 *
 * A page begins after a row, not at a number: `(price, id) > ($3, $4)`. An
 * index on both finds this place at once, however far it is from the first
 * page.
 *
 * Such a comparison is one range of the index only if all its columns have one
 * direction and a value. Therefore the rows behind a place may be several
 * ranges: the columns are cut into runs of one direction, and the rows behind
 * the place in a run have the same values as it in front of the run. Nulls are
 * greater than every value (Postgres's order, and that of its indexes): last
 * ascending, first descending. A row comparison with a null is neither true nor
 * false, so the nulls behind a value, and the values behind a null, are ranges
 * of their own. The page is combined from all of them.
 */
#pragma once

#include "api/list/list_query.h"
#include "common/base/clock.h"
#include "common/sql/row_doc.h"

#include <libpq-fe.h>

enum { LIST_SQL_PARAMS = LIST_FILTERS + 2 * LIST_ORDERS + 7 };

/* The columns of the result (binary): text, the values that the list is ordered
 * by (null if it is ordered by the key), or of a group the version of the row;
 * from LIST_SQL_ROW on, the row; at LIST_SQL_FOUND int8, the number of rows
 * that were found, at most the limit plus one. If the rows are very large,
 * fewer of them come: only those that begin within the first `max_bytes`. */
enum { LIST_SQL_VERSION = 0 };
#define LIST_SQL_ROW(q) ((int)(q)->norders)
#define LIST_SQL_FOUND(q) (LIST_SQL_ROW(q) + ROW_DOC_COLUMNS((q)->collection))
/* If the collection declares `expires`, behind the next column: int8, the first
 * time of the rows that were found, in microseconds since 1970; or null. */
#define LIST_SQL_ENDS(q) (LIST_SQL_FOUND(q) + 2)
/* What they are, for row_doc_shape. */
const char *list_sql_shape(const struct list_query *q);

struct list_sql {
	struct buf sql;
	/* Rows whose time has come at this time are left out. */
	wall_us_t now;
	/* The statement takes no parameters: values[] has their SQL instead. */
	bool literal;
	int n;
	Oid types[LIST_SQL_PARAMS];
	char *values[LIST_SQL_PARAMS]; /* owned */
	int lengths[LIST_SQL_PARAMS];
	int formats[LIST_SQL_PARAMS];
};

/* Makes the statement and its parameters. `max_bytes`: limit for the rows of
 * the page, which the last row may exceed. `now`: rows whose time has come are
 * left out. */
void list_sql_make(struct list_sql *out, const struct list_query *q,
    size_t max_bytes, wall_us_t now);
/* Makes the statement that counts all rows of the list; its result (binary) has
 * one row: int8, the number; and, if the collection declares `expires`, what
 * LIST_SQL_ENDS is of a page. */
enum { LIST_SQL_COUNT = 0, LIST_SQL_COUNT_ENDS };
const char *list_sql_count_shape(const struct list_query *q);
void list_sql_make_count(
    struct list_sql *out, const struct list_query *q, wall_us_t now);
void list_sql_free(struct list_sql *s);
/* Appends the statement that streams all rows of the list, without a limit and
 * a cursor; if the query is that of an export, in no particular order. */
void list_sql_export(
    struct buf *out, const struct list_query *q, wall_us_t now);
