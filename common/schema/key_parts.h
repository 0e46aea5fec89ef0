/* A key that is several fields of the document (pure core).
 *
 * Its text is that of the parts, in the order of the declaration, joined by
 * `,`. In a part, `%` is `%25` and `,` is `%2C`; nothing else is encoded, so
 * each key has one text. It has each value as documents that are read have it:
 * an integer in its shortest form, a UUID with small letters, a time in UTC and
 * without zeros at the end of its fraction, a char(n) without blanks at its
 * end.
 */
#pragma once

#include "common/base/buf.h"
#include "common/json/jsonslice.h"
#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>

/* May the field be a part of a key? */
bool key_parts_may_be(const struct field *f);
bool key_parts_valid(const struct collection *c, const char *key, size_t len);
/* Appends the i-th part of a key that is valid, as a JSON value. */
void key_parts_json(struct buf *out, const struct collection *c,
    const char *key, size_t len, size_t i);
/* Appends a value of the field, without faults and not null, as the text of a
 * part. */
void key_parts_add(struct buf *out, const struct field *f, struct jsonslice v);
