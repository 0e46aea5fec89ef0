/* The key of a collection in SQL: one column, or those of its parts.
 *
 * In the log, a key is a text (common/schema/key_parts.h). Here it becomes
 * values of the columns, and the columns become the text.
 */
#pragma once

#include "common/base/buf.h"
#include "common/schema/collection.h"

/* The columns, with commas between them. */
void sql_key_names(struct buf *out, const struct collection *c);
/* The columns of the key as they are compared, ordered and indexed, with commas
 * between them: strings by their bytes. `way`: behind each, " DESC" or "". */
void sql_key_columns(struct buf *out, const struct collection *c,
    const char *prefix, const char *way);
/* The i-th column's value in a key: in the SQL of a text that has the key. */
void sql_key_value(
    struct buf *out, const struct collection *c, size_t i, const char *text);
/* The key of row t as text, as the log has it. */
void sql_key(struct buf *out, const struct collection *c);
/* Is row t that of the key k."key"? */
void sql_is_key(struct buf *out, const struct collection *c);
