/* The parameters of sql_upsert: an array for each column, an element for each
 * change that puts a row (pure core).
 */
#pragma once

#include "common/postgres/pg_params.h"
#include "writer/decide/fold.h"

/* For `n` rows; the call has no parameters yet. */
void rowset_begin(struct pg_params *call, const struct collection *c, size_t n);
/* Of a change with a document. */
void rowset_add(struct pg_params *call, const struct fold_change *c);
