/* What the modules of a list's statement share: the statement (list_sql.c), and
 * where it begins (list_sql_place.c).
 */
#pragma once

#include "api/list/list_sql.h"

/* --- list_sql.c ---------------------------------------------------------- */

/* Adds a parameter; returns its number. */
int list_sql_text(
    struct list_sql *s, enum column_type column, const char *v, size_t len);
int list_sql_number(struct list_sql *s, size_t n);
/* Appends the column of the row t; as it is compared, ordered and indexed. */
void list_sql_column(struct buf *out, const struct list_column *c);
void list_sql_ordered(struct buf *out, const struct list_column *c);
const struct list_column *list_sql_key_of(const struct list_query *q);

/* --- list_sql_place.c ---------------------------------------------------- */

enum {
	LIST_SQL_LEVELS = LIST_ORDERS + COLLECTION_KEY_PARTS,
	LIST_SQL_RANGES = 2 * LIST_SQL_LEVELS
};

/* A column of the order, the key included, and its value in the row that the
 * page before ended with. */
struct list_sql_level {
	const struct list_column *column;
	bool descending, is_null;
	struct buf value; /* its SQL */
};

/* Ranges of the index. Each is a condition; "true" stands for all rows. */
struct list_sql_ranges {
	struct list_sql_level levels[LIST_SQL_LEVELS];
	size_t nlevels;
	struct buf range[LIST_SQL_RANGES];
	int n;
};

/* The ranges in which the page is, nearest first. Adds their parameters. */
void list_sql_find_ranges(struct list_sql *s, const struct list_query *q,
    struct list_sql_ranges *out);
void list_sql_ranges_free(struct list_sql_ranges *r);
