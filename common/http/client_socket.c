#include "common/http/client_socket.h"

#include <poll.h>
#include <sys/socket.h>

int client_socket_fd(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)
	    ->connect_fd;
}

bool client_socket_has_left(struct MHD_Connection *c)
{
	struct pollfd p = {.fd = client_socket_fd(c), .events = POLLIN};
	char byte;
	/* Usually there is nothing to read. After a reset, poll reports an
	 * error, even if there are unread bytes. */
	if (poll(&p, 1, 0) <= 0)
		return false;
	return (p.revents & (POLLERR | POLLHUP)) ||
	       recv(p.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A connect to AF_UNSPEC makes the kernel send a RST. */
void client_socket_reset(struct MHD_Connection *c)
{
	const struct sockaddr nothing = {.sa_family = AF_UNSPEC};
	(void)connect(client_socket_fd(c), &nothing, sizeof nothing);
}
