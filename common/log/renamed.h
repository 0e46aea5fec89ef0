/* Fields that had another name before (pure core). A declaration says so with
 * `was`.
 *
 * The logs and Redis have documents from before, with the former names. They
 * are replaced where such a document is read, so that nothing behind it knows
 * them: in a write (writer/decide/write.c), a commit
 * (common/log/commits_reader.c), an entry of Redis (api/read/redis_reader.c).
 * A request with a former name is refused, so no new document has one.
 */
#pragma once

#include "common/schema/collection.h"

/* The field that had this name before; NULL: none. */
const struct field *renamed_field(
    const struct collection *c, const char *name, size_t len);

/* Appends the object with the names of today. False: it has no former name, and
 * nothing is appended. If an object has both names of a field, the value of the
 * former name counts: the object is older than the renaming, so the other name
 * meant another field. */
bool renamed_object(
    struct buf *out, const struct collection *c, struct jsonslice object);
/* The same for a text that may be no object, for which it is false. */
bool renamed_document(
    struct buf *out, const struct collection *c, const char *doc, size_t len);
