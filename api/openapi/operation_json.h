/* One operation as OpenAPI describes it (pure core). */
#pragma once

#include "api/core/jsonout.h"
#include "api/core/route.h"
#include "common/schema/collection.h"

/* Writes the member `get`, `post`, …; `c` NULL: of no collection. */
void operation_json_operation(
    struct jsonout *j, const struct route *route, const struct collection *c);
/* The next of a list of names with blanks between; false: there are no more.
 */
bool operation_json_word(const char **list, const char **word, size_t *len);
