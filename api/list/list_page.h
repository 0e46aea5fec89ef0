/* A page of a list, made of what Postgres answered (api/list/list_sql.h). */
#pragma once

#include "api/cache/value.h"
#include "api/list/list_query.h"

#include <libpq-fe.h>

/* The watermarks of all partitions, of the result of
 * bookkeeping_progress_ordered: an array, owned. NULL: not one for each of so
 * many partitions. */
version_t *list_page_vector(const PGresult *r, int32_t partitions);

/* An array of the documents, as a read of each of them has it, and the link to
 * the next page, if there is one. Returns owned. */
struct value *list_page_make(const struct list_query *q, const PGresult *rows,
    const version_t *as_of, int32_t partitions);
