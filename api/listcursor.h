/* Cursors of lists (pure core): the row that a page ended with, as base64url
 * (RFC 4648, 5) without padding.
 *
 *   1 byte    1, the format
 *   8 bytes   a hash of what it is bound to: collection, filters, order
 *   1 byte    0: ordered by the key; 1: the row has null there; 2: a value
 *   4 bytes   length of the value, and the value (of 2)
 *   …         the key
 *   4 bytes   a checksum, so that what was cut off or mistyped is noticed
 *
 * It is no secret and nothing rests on it: what a forged one says is bound as
 * a parameter like any other.
 */
#pragma once

#include "api/listquery.h"

void listcursor_write(
    struct buf *out, const struct listquery *q, const struct list_place *at);
/* False: not one of this list. *out is owned, in either case. */
bool listcursor_read(
    const struct listquery *q, const char *text, struct list_place *out);
