/* The OpenAPI 3.1 document of this API (pure core). It is made from the
 * declarations of the collections, the table of routes, api/core/problems.def
 * and api/openapi/components.json.
 */
#pragma once

#include "common/base/buf.h"
#include "common/http/router.h"

/* Appends the document. Rows of `routes` are struct route. The collections must
 * be loaded. */
void openapi_write(const struct router *routes, struct buf *out);
