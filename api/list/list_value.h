/* Values in the query of a list (pure core): are they of their column's type,
 * and the lists and patterns among them taken apart. */
#pragma once

#include "common/base/buf.h"
#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>

/* NULL: Postgres can read it as one of the column; else what it must be. */
const char *list_value_fault(
    const struct list_column *column, const char *s, size_t len);

/* Takes the next value of what stands between the brackets of `in.(…)` off the
 * front of *at: up to a comma, or in double quotes, where a backslash makes
 * the next character itself. *more: another one follows. False: not so made. */
bool list_value_next(
    const char **at, const char *end, struct buf *out, bool *more);
/* Appends the value as list_value_next reads it. */
void list_value_quote(struct buf *out, const char *s, size_t len);

/* Appends Postgres's pattern of one that may have * for %. False: it ends in a
 * backslash that has nothing to escape. */
bool list_value_pattern(struct buf *out, const char *s, size_t len);
