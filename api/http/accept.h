/* The headers Accept and Accept-Encoding (RFC 9110, 12.5) (pure core). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* May an answer have this type? True if the header is NULL or empty. */
bool accept_allows(const char *header, const char *type);

/* Which of these types does the header want? Returns its index.
 * The first one is the default: another one must be named, not only be in a
 * range, and be wanted at least as much. If the header does not allow the
 * default, a range is enough. Among those, the one with the greatest weight;
 * of equals, the first. `header` NULL: there is none. */
size_t accept_choose(const char *header, const char *const *types, size_t n);

/* Does Accept-Encoding take this coding? `header` NULL or empty: no. */
bool accept_codes(const char *header, const char *coding);
