/* Whose a document is. */
#pragma once

#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>

/* Has the owner's field of the document this value? False: another one, or
 * none. The collection's documents must have owners (CHECK). The document is
 * one that a tier or the log has, so it is well-formed. */
bool owner_has(const struct collection *c, const char *doc, size_t len,
    const char *owner, size_t owner_len);
