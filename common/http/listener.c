#include "common/http/listener.h"

#include "common/base/mem.h"

#include <errno.h>
#include <limits.h>
/* Not <netinet/tcp.h>: its tcp_info may be older. */
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static struct err listener_failed(const char *address, const char *why)
{
	return err_make(
	    ERR_KIND_FATAL, "listen", "cannot listen on %s: %s", address, why);
}

static int bind_one(const struct addrinfo *ai, bool shared)
{
	int one = 1;
	int fd = socket(ai->ai_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

struct addrinfo *listener_resolve(const char *address, bool listen)
{
	const char *colon = strrchr(address, ':');
	if (colon == NULL)
		return NULL;
	bool brackets = address[0] == '[';
	size_t len = (size_t)(colon - address);
	char *host = brackets && len >= 2 ? mem_strndup(address + 1, len - 2)
					  : mem_strndup(address, len);
	struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = listen ? AI_PASSIVE : 0};
	struct addrinfo *list = NULL;
	bool any = strcmp(host, "*") == 0;
	if (getaddrinfo(any ? NULL : host, colon + 1, &hints, &list) != 0)
		list = NULL;
	free(host);
	return list;
}

static bool is_loopback(const struct sockaddr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
	if (a->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

bool listener_is_loopback(const char *address)
{
	struct addrinfo *list = listener_resolve(address, true);
	/* listener_bind binds the first one. */
	bool is = list && is_loopback(list->ai_addr);
	if (list)
		freeaddrinfo(list);
	return is;
}

static int port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	if (getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		return 0;
	if (a.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&a)->sin6_port);
	return ntohs(((struct sockaddr_in *)&a)->sin_port);
}

struct err listener_bind(const char *address, bool shared, int *fd, int *port)
{
	struct addrinfo *list = listener_resolve(address, true);
	if (list == NULL)
		return listener_failed(address, "the host has no address");
	*fd = bind_one(list, shared);
	int saved = errno;
	freeaddrinfo(list);
	if (*fd < 0)
		return listener_failed(address, strerror(saved));
	*port = port_of(*fd);
	return ERR_OK;
}

struct err listener_start(int fd, const char *address)
{
	return listen(fd, BACKLOG) == 0
		   ? ERR_OK
		   : listener_failed(address, strerror(errno));
}

/* Binds the socket to an interface that does not exist. So the kernel finds no
 * listener for a new SYN, and refuses it. A handshake that has begun has an
 * entry of its own in the kernel's tables: it continues, and ends in the accept
 * queue. */
void listener_refuse(int fd)
{
	int none = INT_MAX;
	setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &none, sizeof none);
}

size_t listener_queued(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return 0;
	return info.tcpi_unacked; /* for a listener: the length of its queue */
}
