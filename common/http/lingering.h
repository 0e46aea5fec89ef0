/* Sockets that are closed while their client may still be sending.
 *
 * A request that is refused by its head is answered before its body is in. To
 * close the socket then makes the kernel send a reset for each byte that comes
 * after it, and the reset may reach the client before it has read the answer
 * (RFC 9112, 9.6). So what it sends is read and dropped for a while.
 *
 * Bounded: so many sockets, seconds, and bytes of each; what is more is closed
 * at once. One thread.
 */
#pragma once

#include "common/base/loop.h"

struct lingering;

struct lingering *lingering_new(struct loop *loop);
/* Borrows the socket, whose sending side is shut down; it may be closed after
 * this. */
void lingering_add(struct lingering *l, int fd);
size_t lingering_count(const struct lingering *l); /* NULL: 0 */
/* Closes them all. */
void lingering_free(struct lingering **l);
