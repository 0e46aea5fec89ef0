/* Makes the answer of a group from the results of Postgres
 * (api/list/list_sql.h; pure core).
 *
 *   {"group":"g1","collections":{"accounts":[
 *     {"key":"g1:a","version":"42","document":{…}}, …], …}}
 */
#pragma once

#include "api/cache/value.h"
#include "api/list/list_query.h"

#include <libpq-fe.h>

/* Do the results have all documents of the group, and at most LIST_GROUP of
 * them? `rows` has a result for each query of the chain, in its order. */
bool group_page_is_whole(const struct list_query *q, PGresult *const *rows);
/* `as_of`: the watermark of the group's partition. Returns owned. */
struct value *group_page_make(
    const struct list_query *q, PGresult *const *rows, version_t as_of);
