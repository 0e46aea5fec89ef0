/* The shapes whose writes this writer may apply (pure core): those of its own
 * declarations, and those that were migrated before
 * (common/schema/collection.h).
 */
#pragma once

#include "common/schema/collection.h"

#include <libpq-fe.h>

struct fingerprints;

/* Reads the result of bookkeeping_collections. Returns owned. */
struct fingerprints *fingerprints_read(const PGresult *r);
void fingerprints_free(struct fingerprints **s);
/* A collection in use whose shape was never migrated; NULL: there is none. */
const struct collection *fingerprints_missing(const struct fingerprints *s);
/* Was the shape of this one migrated? */
bool fingerprints_has(const struct fingerprints *s, const struct collection *c);
/* A record without a shape (0) counts as one with the shape of `c`. */
bool fingerprints_known(
    const struct fingerprints *s, const struct collection *c, uint64_t shape);
