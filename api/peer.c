#include "api/peer.h"

#include <sys/socket.h>

int peer_fd(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)
	    ->connect_fd;
}

bool peer_has_left(struct MHD_Connection *c)
{
	char byte;
	return recv(peer_fd(c), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* To connect to nothing sends one. */
void peer_reset(struct MHD_Connection *c)
{
	const struct sockaddr nothing = {.sa_family = AF_UNSPEC};
	connect(peer_fd(c), &nothing, sizeof nothing);
}
