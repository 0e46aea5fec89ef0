#include "common/http/client_socket.h"

#include <poll.h>
#include <sys/socket.h>

int client_socket_fd(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)
	    ->connect_fd;
}

gnutls_session_t client_socket_tls(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	return info ? info->tls_session : NULL;
}

/* With TLS, the end of the connection comes behind a last record, which nobody
 * reads meanwhile. */
bool client_socket_has_left(struct MHD_Connection *c)
{
	struct pollfd p = {
	    .fd = client_socket_fd(c), .events = POLLIN | POLLRDHUP};
	char byte;
	/* Usually there is nothing to read. After a reset, poll reports an
	 * error, even if there are unread bytes. */
	if (poll(&p, 1, 0) <= 0)
		return false;
	if (p.revents & (POLLERR | POLLHUP))
		return true;
	return client_socket_tls(c)
		   ? (p.revents & POLLRDHUP) != 0
		   : recv(p.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void client_socket_send(struct MHD_Connection *c, const void *data, size_t len)
{
	gnutls_session_t tls = client_socket_tls(c);
	if (tls)
		(void)gnutls_record_send(tls, data, len);
	else
		(void)send(client_socket_fd(c), data, len,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
}

void client_socket_end(struct MHD_Connection *c)
{
	gnutls_session_t tls = client_socket_tls(c);
	if (tls)
		(void)gnutls_bye(tls, GNUTLS_SHUT_WR);
	(void)shutdown(client_socket_fd(c), SHUT_WR);
}

/* A connect to AF_UNSPEC makes the kernel send a RST. */
void client_socket_reset(struct MHD_Connection *c)
{
	const struct sockaddr nothing = {.sa_family = AF_UNSPEC};
	(void)connect(client_socket_fd(c), &nothing, sizeof nothing);
}
