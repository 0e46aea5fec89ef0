/* What an Accept header wants (pure core; RFC 9110, 12.5.1).
 */
#pragma once

#include <stdbool.h>

/* May an answer be of this type? NULL, or nothing in it: of any. */
bool accept_allows(const char *header, const char *type);

/* Is application/x-ndjson named, and wanted at least as much as
 * application/json? A range, as
 * any type, does not ask for it. NULL: no header. */
bool accept_ndjson(const char *header);
