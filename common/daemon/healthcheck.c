#include "common/daemon/healthcheck.h"

#include "common/http/listener.h"
#include "common/net/tls_client.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536 };

static struct err not_well(const char *why)
{
	return err_make(ERR_KIND_RETRY, "probe", "%s", why);
}

/* Waits for `events`. False: the time is over, or poll failed. */
static bool healthcheck_wait_for(int fd, short events, mono_us_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	for (;;) {
		const dur_us_t left = deadline - clock_mono();
		if (left <= 0)
			return false;
		const int n = poll(&p, 1, (int)(left / 1000 + 1));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

/* The socket; -1: nothing listens there, or nothing answers in time. */
static int connect_one(const struct addrinfo *ai, mono_us_t deadline)
{
	const int fd = socket(ai->ai_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
	if (fd < 0)
		return -1;
	int failed = 0;
	socklen_t len = sizeof failed;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return fd;
	if (errno == EINPROGRESS &&
	    healthcheck_wait_for(fd, POLLOUT, deadline) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) == 0 &&
	    failed == 0)
		return fd;
	close(fd);
	return -1;
}

static struct err connect_any(const char *address, mono_us_t deadline, int *fd)
{
	const char *colon = strrchr(address, ':');
	struct addrinfo *list = listener_resolve(address, false);
	if (list == NULL || colon == NULL || strcmp(colon, ":0") == 0) {
		if (list)
			freeaddrinfo(list);
		return err_make(ERR_KIND_FATAL, "probe",
		    "admin.listen=%s is not an address that can be asked",
		    address);
	}
	*fd = -1;
	for (struct addrinfo *ai = list; ai && *fd < 0; ai = ai->ai_next)
		*fd = connect_one(ai, deadline);
	freeaddrinfo(list);
	return *fd >= 0 ? ERR_OK : not_well("nothing listens there");
}

/* The connection, with TLS or without. */
struct line {
	int fd;
	struct tls_client *tls; /* NULL: without */
};

static struct err healthcheck_shake_hands(
    const struct line *l, mono_us_t deadline)
{
	for (;;) {
		enum tls_step step = tls_client_handshake(l->tls);
		if (step == TLS_DONE)
			return ERR_OK;
		if (step == TLS_FAILED)
			return not_well(tls_client_error(l->tls));
		if (!healthcheck_wait_for(
			l->fd, step == TLS_READ ? POLLIN : POLLOUT, deadline))
			return not_well("no answer in time");
	}
}

static struct err encrypt(struct line *l, mono_us_t deadline)
{
	const struct tls_client_options o = {
	    .name = "admin.tls",
	    .ca = "",
	    .cert = "",
	    .key = "",
	    .unverified = true,
	};
	struct err e = tls_client_new(&o, "localhost", l->fd, &l->tls);
	return e.kind == ERR_KIND_OK ? healthcheck_shake_hands(l, deadline) : e;
}

/* The request fits into the buffer of any socket. */
static struct err healthcheck_ask_once(const struct line *l, const char *page)
{
	char request[128];
	const int len = snprintf(request, sizeof request,
	    "GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
	    page);
	const ssize_t n = l->tls
			      ? tls_client_send(l->tls, request, (size_t)len)
			      : send(l->fd, request, (size_t)len, MSG_NOSIGNAL);
	return n == len ? ERR_OK : not_well("the connection failed");
}

static ssize_t read_piece(const struct line *l, char *to, size_t size)
{
	return l->tls ? tls_client_recv(l->tls, to, size)
		      : recv(l->fd, to, size, 0);
}

static struct err read_all(
    const struct line *l, mono_us_t deadline, struct buf *answer)
{
	char piece[4096];
	while (answer->len < ANSWER_MAX) {
		const ssize_t n = read_piece(l, piece, sizeof piece);
		if (n == 0)
			return ERR_OK;
		if (n > 0)
			buf_add(answer, piece, (size_t)n);
		else if (errno != EAGAIN && errno != EINTR)
			return not_well("the connection failed");
		else if (!healthcheck_wait_for(l->fd, POLLIN, deadline))
			return not_well("no answer in time");
	}
	return not_well("the answer is incomplete");
}

static struct err healthcheck_judge(const struct buf *answer, struct buf *body)
{
	int status = 0;
	const char *end =
	    answer->data ? strstr(answer->data, "\r\n\r\n") : NULL;
	if (end == NULL ||
	    sscanf(answer->data, "HTTP/1.%*1d %3d", &status) != 1)
		return not_well("the answer is not HTTP");
	buf_str(body, end + 4);
	if (status == 200)
		return ERR_OK;
	return err_make(ERR_KIND_RETRY, "probe", "answered %d", status);
}

struct err healthcheck_ask(const char *address, bool tls, const char *page,
    dur_us_t timeout, struct buf *body)
{
	const mono_us_t deadline = clock_mono() + timeout;
	struct line l = {.fd = -1};
	struct err e = connect_any(address, deadline, &l.fd);
	if (e.kind != ERR_KIND_OK)
		return e;
	struct buf answer = {0};
	if (tls)
		e = encrypt(&l, deadline);
	if (e.kind == ERR_KIND_OK)
		e = healthcheck_ask_once(&l, page);
	if (e.kind == ERR_KIND_OK)
		e = read_all(&l, deadline, &answer);
	if (e.kind == ERR_KIND_OK)
		e = healthcheck_judge(&answer, body);
	buf_free(&answer);
	tls_client_free(&l.tls);
	close(l.fd);
	return e;
}
