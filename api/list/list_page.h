/* Makes a page of a list from the results of Postgres (api/list/list_sql.h). */
#pragma once

#include "api/cache/value.h"
#include "api/list/list_query.h"

#include <libpq-fe.h>

/* The watermarks of all partitions, from the result of
 * bookkeeping_progress_ordered. Returns an array, owned; NULL: it does not have
 * exactly one row for each of `partitions` partitions. */
version_t *list_page_vector(const PGresult *r, int32_t partitions);

/* A page: an array of the documents, each as in a read of its own, or CSV; and
 * the link to the next page, if there is one. Returns owned. */
struct value *list_page_make(const struct list_query *q, const PGresult *rows,
    const version_t *as_of, int32_t partitions);

/* The number of rows alone, from the result of list_sql_make_count. Returns
 * owned. */
struct value *list_page_make_count(const struct list_query *q,
    const PGresult *count, const version_t *as_of, int32_t partitions);
/* Adds the number of rows in all pages, which the client asked for, to a page
 * that is not shared yet. */
void list_page_add_count(
    struct value *v, const struct list_query *q, const PGresult *count);

/* The first time that the documents of the result expire; `column`: where the
 * first row has it, if the collection declares `expires`. */
wall_us_t list_page_ends(
    const struct list_query *q, const PGresult *r, int column);
