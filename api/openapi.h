/* The OpenAPI 3.1 document of this API (pure core), from the declarations of
 * the collections, api/routes.def, api/operations.def, api/problems.def and
 * api/components.json.
 */
#pragma once

#include "common/buf.h"

/* Appends it; collections are loaded. */
void openapi_write(struct buf *out);
