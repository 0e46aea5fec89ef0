#include "client.h"

#include "stream.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int client_connect(int port)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
		stream_die(
		    "no connection to port %d: %s", port, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	return fd;
}

struct client *client_new(
    int epoll, int port, client_answered answered, void *arg)
{
	struct client *c = MEM_NEW(struct client);
	c->fd = client_connect(port);
	c->epoll = epoll;
	c->answered = answered;
	c->arg = arg;
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e) == 0);
	return c;
}

void client_send(struct client *c, const char *request, size_t len)
{
	CHECK(!c->busy);
	c->busy = true;
	c->n = 0;
	/* It is far smaller than the socket's buffer, which is empty. */
	if (send(c->fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
		stream_die("a request cannot be sent: %s", strerror(errno));
}

/* Of the answer so far; false: it has not all come. */
static bool client_complete(const struct client *c, const char **body)
{
	const char *end = strstr(c->answer, "\r\n\r\n");
	if (end == NULL)
		return false;
	*body = end + 4;
	const char *field = strcasestr(c->answer, "\r\nContent-Length:");
	if (field && field < end)
		return c->n - (size_t)(*body - c->answer) >=
		       strtoul(field + 17, NULL, 10);
	field = strcasestr(c->answer, "\r\nTransfer-Encoding:");
	if (field && field < end)
		stream_die("an answer without its length");
	return true;
}

void client_read(struct client *c)
{
	const char *body;
	ssize_t n = recv(
	    c->fd, c->answer + c->n, CLIENT_ANSWER_MAX - c->n, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		stream_die("the server closed a connection");
	c->n += (size_t)n;
	c->answer[c->n] = '\0';
	if (c->n < 12 || !client_complete(c, &body)) {
		if (c->n == CLIENT_ANSWER_MAX)
			stream_die("an answer is too long");
		return;
	}
	if (!c->busy)
		stream_die("an answer without a request: %.200s", c->answer);
	c->busy = false;
	c->answered(c, atoi(c->answer + 9), body);
}

void client_free(struct client **c)
{
	if (*c == NULL)
		return;
	close((*c)->fd);
	free(*c);
	*c = NULL;
}
