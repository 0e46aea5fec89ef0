/* Sockets that are closed while their client may still be sending.
 *
 * A request that is refused by its head is answered before its body has
 * arrived. If the socket were closed then, the kernel would answer further
 * bytes with a reset, and the reset may reach the client before it has read the
 * answer (RFC 9112, 9.6). So what the client sends is read and dropped for a
 * while.
 *
 * The number of sockets, the seconds, and the bytes of each are bounded. Beyond
 * that, a socket is closed at once. One thread.
 */
#pragma once

#include "common/base/loop.h"

struct lingering;

struct lingering *lingering_new(struct loop *loop);
/* The sending side of the socket is shut down. The caller may close its
 * descriptor after this. */
void lingering_add(struct lingering *l, int fd);
size_t lingering_count(const struct lingering *l); /* NULL: 0 */
/* Closes them all. */
void lingering_free(struct lingering **l);
