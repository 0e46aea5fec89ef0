/* The value of a field in a document that leaves the field out. It is declared
 * as a value, or as one that is made for each document (`{"now": true}`,
 * `{"uuid": 7}`). The log has the result, so all that read it agree.
 */
#pragma once

#include "common/base/buf.h"
#include "common/schema/field.h"

/* Appends it as JSON. The field must have a default (field_has_default). Any
 * thread. */
void default_value_add(struct buf *out, const struct field *f);
