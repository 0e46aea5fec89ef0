/* The parameter of sql_upsert: a JSON array of rows, made by splicing the
 * clients' own bytes (pure core).
 */
#pragma once

#include "writer/fold.h"

#include "common/buf.h"

void rowset_begin(struct buf *out);
/* The change has a put. */
void rowset_add(struct buf *out, const struct fold_change *c);
void rowset_end(struct buf *out);

/* `2026-11-21T08:00:00.000001Z` */
void rowset_time(struct buf *out, wall_us_t t);
