/* Cursors of lists (pure core): the row that a page ended with, as base64url
 * (RFC 4648, 5) without padding.
 *
 *   1 byte    1, the format
 *   8 bytes   a hash of what it is bound to: collection, filters, order
 *   1 byte    0: ordered by the key; 1: the row has null there; 2: a value; 3:
 * a value that is too long for a link 4 bytes   its length (of 3) 4 bytes
 * length of the value, and the value (of 2 and 3; of 3 a value that is not
 * behind it in the order) …         the key 4 bytes   a checksum, so that what
 * was cut off or mistyped is noticed
 *
 * A value that is too long is read again from its row, by the key, when the
 * next page is asked for. If the row has gone or changed, the page begins in
 * front of where it was: rows may then be shown twice, and none is left out.
 * Documents that the API accepts have no such values (docs/collections.md):
 * rows of before may, and rows that were written by hand.
 *
 * It is no secret and nothing rests on it: what a forged one says is bound as
 * a parameter like any other.
 */
#pragma once

#include "api/list/list_query.h"

void list_cursor_write(
    struct buf *out, const struct list_query *q, const struct list_place *at);
/* False: not one of this list. *out is owned, in either case. */
bool list_cursor_read(
    const struct list_query *q, const char *text, struct list_place *out);
