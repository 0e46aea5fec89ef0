/* The shapes whose writes this writer may apply (pure core): those of its own
 * declarations, and those that were migrated before
 * (common/schema/collection.h).
 */
#pragma once

#include "common/schema/collection.h"

#include <libpq-fe.h>

struct fingerprints;

/* Reads the result of bookkeeping_collections. Returns owned. NULL: the shape
 * of collection `*missing` was never migrated. */
struct fingerprints *fingerprints_read(
    const PGresult *r, const struct collection **missing);
void fingerprints_free(struct fingerprints **s);
/* A record without a shape (0) counts as known. */
bool fingerprints_known(
    const struct fingerprints *s, const struct collection *c, uint64_t shape);
