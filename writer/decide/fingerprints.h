/* Which shapes of the collections this writer may apply writes of (pure core):
 * its own, and those that were migrated before (common/schema/collection.h).
 */
#pragma once

#include "common/schema/collection.h"

#include <libpq-fe.h>

struct fingerprints;

/* No parameters. Columns (binary): name text, shape text, generation int4. */
extern const char fingerprints_sql[];
/* Of its answer. Returns owned. NULL: `*missing` is a collection whose shape
 * was never migrated. */
struct fingerprints *fingerprints_read(
    const PGresult *r, const struct collection **missing);
void fingerprints_free(struct fingerprints **s);
/* 0, said by nobody, is known. */
bool fingerprints_known(
    const struct fingerprints *s, const struct collection *c, uint64_t shape);
