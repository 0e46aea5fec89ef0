/* How long the document of a row will be, before there is a row (pure core).
 *
 * A document may grow on its way through Postgres: 1e1000 is six bytes in a
 * request and a thousand and one in the row, and an object gets a blank behind
 * each comma and colon. What the row would be is told here from the document
 * itself, at the cost of one look at its bytes: never less than
 * common/sql/row_doc.h makes of it, and hardly more. It is the same for the
 * document that a client sent and for the row's, so that it does not matter to
 * a patch whether the put before it has been committed.
 *
 * The race that a bound on this ends: a row that is larger than a message of
 * Kafka may be was committed, could not be announced, and nothing of its
 * partition was applied any more.
 */
#pragma once

#include "common/json/jsonslice.h"
#include "common/schema/collection.h"

#include <stddef.h>

/* Of JSON text that passed jsonslice_scan, as a jsonb column renders it. */
size_t rendered_json(struct jsonslice v);
/* Of the row with a key of that many bytes. `values` are by field; s NULL: null
 * there. */
size_t rendered_row(
    const struct collection *c, size_t key_len, const struct jsonslice *values);
/* The same for a document: members that are no fields are passed over, fields
 * that are left out have their defaults. */
size_t rendered_document(
    const struct collection *c, size_t key_len, struct jsonslice object);
