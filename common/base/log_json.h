/* The fields of a log line as members of a JSON object.
 *
 * A line is composed once, as logfmt. Its format string says which fields it
 * has, and which of them are numbers: the type of a field never depends on its
 * value, so a store of logs can rely on it. Pure.
 */
#pragma once

#include "common/base/buf.h"

#include <stddef.h>

/* Appends `,"name":value` for each field. `fields` is the format string of the
 * event, `text` what was made of it, without control characters. A field is a
 * number if its value in `fields` is one integer conversion (%d, %zu, …), else
 * a string. Bytes of `text` that are not UTF-8 become U+FFFD. If `text` was
 * cut, its last field is what is left of it. */
void log_json_fields(
    struct buf *out, const char *fields, const char *text, size_t len);
