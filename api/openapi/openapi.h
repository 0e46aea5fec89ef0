/* The OpenAPI 3.1 document of this API (pure core), from the declarations of
 * the collections, api/routes.def, api/openapi/operations.def,
 * api/core/problems.def and api/openapi/components.json.
 */
#pragma once

#include "common/base/buf.h"

/* Appends it; collections are loaded. */
void openapi_write(struct buf *out);
