/* May a value be served now? INV-1 (api/floors.h), of a document and of a page.
 */
#pragma once

#include "api/floors.h"
#include "api/tier.h"
#include "api/value.h"
#include "common/collection.h"

/* `slot` is a document's; `tier` is where the value came from. */
bool current_allows(const struct floors *f, const struct collection *c,
    struct key_slot slot, const struct value *v, enum tier tier);
