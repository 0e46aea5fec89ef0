/* Cursors of lists (pure core): the last row of a page, as base64url (RFC 4648,
 * 5) without padding.
 *
 * - 1 byte: 1, the format
 * - 8 bytes: a hash of collection, filters and order, which it is valid for
 * - for each column that the list is ordered by:
 * - 1 byte, the kind: 0: it is the key; 1: the row has null in it; 2: a value;
 * 3: a value that is too long for a link
 * - 4 bytes, kind 3 only: the length of the row's value
 * - 4 bytes, kinds 2 and 3: the length of what follows
 * - kinds 2 and 3: the value; for kind 3, a value that does not follow it in
 *   the order
 * - the rest: the key
 * - 4 bytes: a checksum, so that a cursor that was cut off or mistyped is
 *   noticed
 *
 * A value that is too long is read again from its row, by the key, when the
 * next page is asked for. If the row has gone or changed, the page begins
 * before the place where the last one ended: rows may then be shown twice, but
 * none is left out. Documents that the API accepts have no such values
 * (docs/collections.md). Older rows may have them, and rows that were written
 * by hand.
 *
 * A cursor is not secret, and nothing relies on it: the contents of a forged
 * cursor are bound as parameters like any other.
 */
#pragma once

#include "api/list/list_query.h"

/* Appends the cursor for the page after the row `at`. */
void list_cursor_write(
    struct buf *out, const struct list_query *q, const struct list_place *at);
/* False: it is not a cursor of this list. *out is owned in either case. */
bool list_cursor_read(
    const struct list_query *q, const char *text, struct list_place *out);
