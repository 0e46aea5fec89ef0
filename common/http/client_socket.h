/* The socket of an HTTP connection that libmicrohttpd has suspended, or whose
 * body it sends: whether the client has left, and how to break the connection.
 */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>

/* The socket. libmicrohttpd still owns it. */
int client_socket_fd(struct MHD_Connection *c);
/* Has the client closed its side, or reset the connection? Then nobody waits
 * for the answer. It costs a system call: do not call it all the time for
 * thousands of connections. */
bool client_socket_has_left(struct MHD_Connection *c);
/* Breaks the connection with a RST, so that no client takes a part of the body
 * for the whole. libmicrohttpd's own close would begin with a FIN. */
void client_socket_reset(struct MHD_Connection *c);
