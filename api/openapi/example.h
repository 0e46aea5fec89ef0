/* Examples for the OpenAPI document, made from the declaration of a collection
 * (pure core). They are valid: a request with such a body succeeds.
 */
#pragma once

#include "api/openapi/json_schema.h"
#include "api/openapi/jsonout.h"

/* The group of the example of a key, if the collection has groups. */
#define EXAMPLE_GROUP "user"

/* Writes a key, in the form that paths and documents have. */
void example_key(
    struct jsonout *j, const char *name, const struct collection *c);
/* Writes a body of the kind, without a key. False: nothing is written, because
 * a field has a pattern for which no example is known. */
bool example_body(struct jsonout *j, const char *name,
    const struct collection *c, enum json_schema_of of);
/* Appends the value of a filter of a list, such as `gte.10`. False: as above.
 */
bool example_filter(struct buf *out, const struct list_column *column);
