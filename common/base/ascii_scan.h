/* The length of the leading run of bytes that need no special handling (pure
 * core). It is scanned eight bytes at a time.
 */
#pragma once

#include <stddef.h>

/* Leading bytes below 0x80. */
size_t ascii_scan(const char *s, size_t len);
/* Leading bytes that stand for themselves in a JSON string. */
size_t ascii_scan_plain(const char *s, size_t len);
