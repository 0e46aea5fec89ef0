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
	/* Mostly there is nothing to read. After a reset there is an error,
	 * even behind bytes that nobody has read. */
	if (poll(&p, 1, 0) <= 0)
		return false;
	return (p.revents & (POLLERR | POLLHUP)) ||
	       recv(p.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* To connect to nothing sends one. */
void client_socket_reset(struct MHD_Connection *c)
{
	const struct sockaddr nothing = {.sa_family = AF_UNSPEC};
	(void)connect(client_socket_fd(c), &nothing, sizeof nothing);
}
