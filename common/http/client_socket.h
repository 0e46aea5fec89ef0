/* The socket of an HTTP connection that libmicrohttpd has suspended, or whose
 * body it sends: whether the client has left, and how to break the connection;
 * and how to answer on it without libmicrohttpd. With TLS or without.
 */
#pragma once

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

/* The socket. libmicrohttpd still owns it. */
int client_socket_fd(struct MHD_Connection *c);
/* NULL: there is no TLS. */
gnutls_session_t client_socket_tls(struct MHD_Connection *c);
/* Has the client closed its side, or reset the connection? Then nobody waits
 * for the answer. It costs a system call: do not call it all the time for
 * thousands of connections. With TLS, a client that says so (close_notify) and
 * keeps its socket open has not left: what it says can only be read in order.
 */
bool client_socket_has_left(struct MHD_Connection *c);
/* Sends bytes now, or not at all. libmicrohttpd is sending nothing. */
void client_socket_send(struct MHD_Connection *c, const void *data, size_t len);
/* Ends the sending side. What the client sends can still be read. */
void client_socket_end(struct MHD_Connection *c);
/* Breaks the connection with a RST, so that no client takes a part of the body
 * for the whole. libmicrohttpd's own close would begin with a FIN. */
void client_socket_reset(struct MHD_Connection *c);
