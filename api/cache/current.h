/* Decides whether a value may be served now: INV-1 (api/cache/floors.h) for a
 * document, for a group and for a page of a list.
 */
#pragma once

#include "api/cache/floors.h"
#include "api/cache/tier.h"
#include "api/cache/value.h"
#include "common/schema/collection.h"

/* `slot` is that of the document or group, and not used for a page. `tier` is
 * where the value came from. */
bool current_allows(const struct floors *f, const struct collection *c,
    struct key_slot slot, const struct value *v, enum tier tier);
