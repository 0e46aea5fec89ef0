/* Which shapes of the collections this writer may apply writes of (pure core):
 * its own, and those that were migrated before (common/schema/collection.h).
 */
#pragma once

#include "common/schema/collection.h"

#include <libpq-fe.h>

struct shapes;

/* No parameters. Columns (binary): name text, shape text, generation int4. */
extern const char shapes_sql[];
/* Of its answer. Returns owned. NULL: `*missing` is a collection whose shape
 * was never migrated. */
struct shapes *shapes_read(
    const PGresult *r, const struct collection **missing);
void shapes_free(struct shapes **s);
/* 0, said by nobody, is known. */
bool shapes_known(
    const struct shapes *s, const struct collection *c, uint64_t shape);
