/* The Accept header (RFC 9110, 12.5.1) (pure core). */
#pragma once

#include <stdbool.h>

/* May an answer have this type? True if the header is NULL or empty. */
bool accept_allows(const char *header, const char *type);

/* Does the header name application/x-ndjson, and want it at least as much as
 * application/json? A range that includes it does not name it. `header` NULL:
 * there is none. */
bool accept_ndjson(const char *header);
