/* May a value be served now? INV-1 (api/cache/floors.h), of a document and of a
 * page.
 */
#pragma once

#include "api/cache/floors.h"
#include "api/cache/tier.h"
#include "api/cache/value.h"
#include "common/schema/collection.h"

/* `slot` is a document's; `tier` is where the value came from. */
bool current_allows(const struct floors *f, const struct collection *c,
    struct key_slot slot, const struct value *v, enum tier tier);
