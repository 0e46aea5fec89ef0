/* base64url (RFC 4648, 5) without padding (pure core).
 *
 * Each byte string has one spelling only: no padding, no blanks, no line ends,
 * and the bits that the last character does not need are zero. So two texts
 * that differ never stand for the same bytes.
 */
#pragma once

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* The number of characters for `len` bytes. */
size_t base64url_length(size_t len);
/* Appends. */
void base64url_encode(struct buf *out, const void *data, size_t len);
/* Appends the bytes. False, and nothing was appended: the text is not the
 * spelling of any bytes. */
bool base64url_decode(struct buf *out, const char *s, size_t len);
