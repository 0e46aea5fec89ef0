/* The client's end of an HTTP connection that libmicrohttpd has suspended, or
 * whose body it sends: what its socket says, and what can be said by it.
 */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>

/* The socket, which stays libmicrohttpd's. */
int client_socket_fd(struct MHD_Connection *c);
/* The client has closed its side, or has reset the connection: nobody waits for
 * the answer. A system call: not to be made all the time for each of
 * thousands. */
bool client_socket_has_left(struct MHD_Connection *c);
/* Breaks the connection with a RST, so that no client takes what it has for the
 * whole: libmicrohttpd's own close begins with a FIN. */
void client_socket_reset(struct MHD_Connection *c);
