/* A page of a list, made of what Postgres answered (api/list/list_sql.h). */
#pragma once

#include "api/core/value.h"
#include "api/list/list_query.h"

#include <libpq-fe.h>

/* Watermarks of all partitions. Columns (binary): partition int4, next_offset
 * int8, in order. */
#define LIST_PAGE_VECTOR                                                       \
	"SELECT partition::int4, next_offset FROM sluice.progress"             \
	" ORDER BY partition"
#define LIST_PAGE_VECTOR_SHAPE "pv"

/* Takes them: an array, owned. NULL: not one for each of so many partitions. */
version_t *list_page_vector(const PGresult *r, int32_t partitions);

/* An array of the documents, as a read of each of them has it, and the link to
 * the next page, if there is one. Returns owned. */
struct value *list_page_make(const struct list_query *q, const PGresult *rows,
    const version_t *as_of, int32_t partitions);
