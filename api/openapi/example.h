/* Examples for the OpenAPI document, made of a collection's declaration (pure
 * core). What is written is valid: a client that sends it as it is succeeds.
 */
#pragma once

#include "api/core/jsonout.h"
#include "api/openapi/json_schema.h"

/* A key, as a path and a document have it. */
void example_key(
    struct jsonout *j, const char *name, const struct collection *c);
/* A body of the kind; one that names no key. False: nothing is written, since a
 * field has a pattern of which no example is known. */
bool example_body(struct jsonout *j, const char *name,
    const struct collection *c, enum json_schema_of of);
/* The value of a list's filter, as `gte.10`. False: likewise. */
bool example_filter(struct buf *out, const struct list_column *column);
