/* base64 (RFC 4648, 4), with padding (pure core).
 *
 * Each byte string has one spelling only: no blanks, no line ends, and the bits
 * that the last character does not need are zero. So two texts that differ
 * never stand for the same bytes.
 */
#pragma once

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends. */
void base64_encode(struct buf *out, const void *data, size_t len);
/* Is the text the spelling of some bytes? */
bool base64_valid(const char *s, size_t len);
