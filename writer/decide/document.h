/* A document as the values of its collection's fields (pure core).
 *
 * What stands in the log is checked once, when it is read: a put's document
 * and what a patch makes of any document are then ones that the table's
 * columns take. The row itself may be wanting only where somebody changed the
 * table.
 */
#pragma once

#include "writer/decide/arena.h"

#include "common/log/record.h"
#include "common/schema/collection.h"
#include "common/sql/sql_table.h"

#include <stdbool.h>
#include <stddef.h>

enum { DOCUMENT_FIELDS = COLLECTION_FIELDS };

/* By field; none: null. Borrowed from what was read, or from an arena. */
struct document {
	struct jsonslice values[DOCUMENT_FIELDS];
};

/* What is wrong with the body of a put, patch or increment, for people; empty:
 * nothing. */
enum { DOCUMENT_FAULT_LEN = 160 };
void document_fault(const struct collection *c, enum record_op op,
    struct jsonslice object, char out[DOCUMENT_FAULT_LEN]);

/* Is a field that is another than before (NULL: any) one that a CHECK
 * constraint of the table would refuse? `name` is the constraint's; of several,
 * the one that Postgres would name: the first by its bytes. */
bool document_breaks(const struct collection *c, const struct document *d,
    const struct document *before, char name[SQL_TABLE_NAME_LEN]);

/* Members that are no fields are passed over; fields that are left out have
 * their defaults. */
void document_read(
    const struct collection *c, struct jsonslice object, struct document *out);
void document_patch(const struct collection *c, struct document *d,
    struct jsonslice patch, struct arena *arena);
/* False, and nothing is changed: a sum does not fit its field. A field that is
 * null counts from 0. */
bool document_increment(const struct collection *c, struct document *d,
    struct jsonslice by, struct arena *arena);
/* As one object, kept in the arena. */
struct jsonslice document_write(
    const struct collection *c, const struct document *d, struct arena *arena);
