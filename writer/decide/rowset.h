/* The parameters of sql_upsert (pure core): an array for each column, with an
 * element for each change that puts a row.
 */
#pragma once

#include "common/postgres/pg_params.h"
#include "writer/decide/fold.h"

/* For `n` rows; the call has no parameters yet. */
void rowset_begin(struct pg_params *call, const struct collection *c, size_t n);
/* Adds a change that has a document. */
void rowset_add(struct pg_params *call, const struct fold_change *c);
