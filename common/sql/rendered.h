/* The size of the document of a row, computed before the row exists (pure
 * core).
 *
 * A document may grow on its way through Postgres: 1e1000 is six bytes in a
 * request and a thousand and one in the row, and an object gets a blank behind
 * each comma and colon. These functions compute the size of the row's document
 * from the document itself, in one pass over its bytes. The result is never
 * less than the size that common/sql/row_doc.h makes, and hardly more. It is
 * the same for the document that a client sent and for the document of the row.
 * So for a patch it does not matter whether the put before it is committed.
 *
 * Without a bound on this size, a row that is larger than a message of Kafka
 * may be could be committed but not announced. Then nothing more of its
 * partition would be applied.
 */
#pragma once

#include "common/json/jsonslice.h"
#include "common/schema/collection.h"

#include <stddef.h>

/* The size of JSON text as a jsonb column renders it. The text must have passed
 * jsonslice_scan. */
size_t rendered_json(struct jsonslice v);
/* The size of the document of a row with a key of `key_len` bytes. `values` has
 * an element for each field; s NULL: the field is null. */
size_t rendered_row(
    const struct collection *c, size_t key_len, const struct jsonslice *values);
/* The same for a document. Members that are not fields are ignored; fields that
 * are left out have their defaults. */
size_t rendered_document(
    const struct collection *c, size_t key_len, struct jsonslice object);
