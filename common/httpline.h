/* Requests that libmicrohttpd should refuse by their head, and does not.
 *
 * Before 1.0 it does refuse a line whose parameters have no room in the memory
 * of the connection, then forgets that it did, and waits for headers that it
 * has dropped: the client would hear nothing until its time to send them is
 * over.
 *
 * Of two lengths of a body it takes the first; a proxy may have taken the
 * other one, and what one takes for the body is the next client's request to
 * the other (RFC 9112, 6.3 and 11.2).
 */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

/* Has libmicrohttpd room for the parameters of this target? `memory` is that
 * of the connection. */
bool httpline_fits(const char *target, size_t memory);
/* Says 431 to the client of this socket, and that nothing follows. */
void httpline_refuse(int fd);
/* Is there one way to tell where the body ends? */
bool httpline_one_length(struct MHD_Connection *c);
