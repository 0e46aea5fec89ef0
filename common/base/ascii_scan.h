/* How many bytes need no look of their own (pure core): eight are judged at a
 * time.
 */
#pragma once

#include <stddef.h>

/* At the beginning: below 0x80. */
size_t ascii_scan(const char *s, size_t len);
/* At the beginning: such as stand for themselves in a JSON string. */
size_t ascii_scan_plain(const char *s, size_t len);
