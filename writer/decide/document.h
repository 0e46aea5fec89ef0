/* A document as the values of its collection's fields (pure core).
 *
 * A record of the log is checked once, when it is read. After that, the columns
 * of the table accept the document of a put, and whatever a patch makes of a
 * document. Only the row itself may not conform, if somebody changed the table.
 */
#pragma once

#include "writer/decide/arena.h"

#include "common/log/record.h"
#include "common/schema/collection.h"
#include "common/sql/sql_table.h"

#include <stdbool.h>
#include <stddef.h>

enum { DOCUMENT_FIELDS = COLLECTION_FIELDS };

/* By field; an empty slice: null. A number is one, also if documents have it as
 * a string. Borrowed from the text that was read, or from
 * an arena. */
struct document {
	struct jsonslice values[DOCUMENT_FIELDS];
};

/* Describes what is wrong with the body of a put, patch or increment; empty:
 * nothing. */
enum { DOCUMENT_FAULT_LEN = 160 };
void document_fault(const struct collection *c, enum record_op op,
    struct jsonslice object, char out[DOCUMENT_FAULT_LEN]);

/* Would a CHECK constraint of the table refuse a field that differs from
 * `before`? (NULL: any field.) `name` gets the name of the constraint; of
 * several, the one that Postgres would name: the first by its bytes. */
bool document_breaks(const struct collection *c, const struct document *d,
    const struct document *before, char name[SQL_TABLE_NAME_LEN]);

/* Ignores members that are not fields; fields that are left out get their
 * defaults. */
void document_read(
    const struct collection *c, struct jsonslice object, struct document *out);
void document_patch(const struct collection *c, struct document *d,
    struct jsonslice patch, struct arena *arena);
/* False: a sum does not fit its field, and nothing is changed. A field that is
 * null counts from 0. */
bool document_increment(const struct collection *c, struct document *d,
    struct jsonslice by, struct arena *arena);
/* As one object, kept in the arena. */
struct jsonslice document_write(
    const struct collection *c, const struct document *d, struct arena *arena);
