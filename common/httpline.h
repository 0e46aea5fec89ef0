/* A request line that libmicrohttpd would not answer.
 *
 * Before 1.0 it refuses one whose parameters have no room in the memory of the
 * connection, then forgets that it did, and waits for headers that it has
 * dropped: the client would hear nothing until its time to send them is over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Has libmicrohttpd room for the parameters of this target? `memory` is that
 * of the connection. */
bool httpline_fits(const char *target, size_t memory);
/* Says 431 to the client of this socket, and that nothing follows. */
void httpline_refuse(int fd);
