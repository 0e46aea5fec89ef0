/* Values in the query of a list (pure core): checks them against the type of
 * their column, and parses lists and patterns. */
#pragma once

#include "common/base/buf.h"
#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>

/* NULL: Postgres can read it as a value of the column. Otherwise returns what
 * it must be, for people. */
const char *list_value_fault(
    const struct list_column *column, const char *s, size_t len);

/* Takes the next value of the text between the brackets of `in.(…)` from *at,
 * which it moves on. A value ends at a comma, or is in double quotes, where a
 * backslash escapes the next character. *more: another value follows. False:
 * the text is malformed. */
bool list_value_next(
    const char **at, const char *end, struct buf *out, bool *more);
/* Takes a value in double quotes, from its opening quote. False: it does not
 * end.
 */
bool list_value_quoted(const char **at, const char *end, struct buf *out);
/* Appends the value in a form that list_value_next reads. */
void list_value_quote(struct buf *out, const char *s, size_t len);

/* Converts a pattern, in which * may stand for %, and appends it in Postgres's
 * form. False: it ends in a backslash that escapes nothing. */
bool list_value_pattern(struct buf *out, const char *s, size_t len);
