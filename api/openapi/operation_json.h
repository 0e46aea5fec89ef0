/* Writes one operation of the OpenAPI document (pure core). */
#pragma once

#include "api/core/route.h"
#include "api/openapi/jsonout.h"
#include "common/schema/collection.h"

/* Writes the member `get`, `post`, …; `c` NULL: for no collection. */
void operation_json_operation(
    struct jsonout *j, const struct route *route, const struct collection *c);
/* Takes the next name of a list that is separated by blanks; false: there are
 * no more.
 */
bool operation_json_word(const char **list, const char **word, size_t *len);
