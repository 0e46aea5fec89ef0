/* After an error of the socket, libuv does not poll any more: a connection that
 * was reset would stay open for ever, without answers. So an error is treated
 * like bytes that arrived: the read finds it and reports it.
 *
 * Memory is freed when both handles are closed, so after every callback that is
 * on the stack.
 */
#include "common/net/client_conn.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PIECE = 16 * 1024, /* bytes of a read, and of a write with TLS */
	PIECES = 16,	   /* in one turn of the loop */
};

enum phase {
	PHASE_CONNECTING,
	PHASE_SHAKING, /* the TLS handshake */
	PHASE_OPEN,
	PHASE_LOST, /* `lost` is told, or will be */
	PHASE_FREED,
};

struct client_conn {
	struct client_conn_options o;
	enum phase phase;
	int fd;
	struct tls_client *tls;
	struct buf out;
	size_t again; /* bytes of a TLS write that must be repeated */
	uv_poll_t poll;
	uv_idle_t turn; /* writes, and reads what TLS has left over */
	int events;
	int closing;	  /* handles that are not closed yet */
	char failed[256]; /* before there was a socket to poll */
	char piece[PIECE];
};

/* --- events -------------------------------------------------------------- */

static void client_conn_on_poll(uv_poll_t *handle, int status, int events);
static void client_conn_on_turn(uv_idle_t *handle);

/* libuv makes a system call even if nothing changes. */
static void client_conn_want(struct client_conn *c, int events)
{
	if (events == c->events)
		return;
	c->events = events;
	CHECK_OS(uv_poll_start(&c->poll, events, client_conn_on_poll));
}

static void client_conn_lost(struct client_conn *c, bool ended, const char *why)
{
	if (c->phase >= PHASE_LOST)
		return;
	c->phase = PHASE_LOST;
	uv_idle_stop(&c->turn);
	if (c->fd >= 0)
		uv_poll_stop(&c->poll);
	c->o.lost(c->o.arg, ended, why);
}

/* The error of the last call on the socket. */
static void lost_by_error(struct client_conn *c)
{
	bool by_tls = c->tls && tls_client_error(c->tls)[0];
	client_conn_lost(
	    c, false, by_tls ? tls_client_error(c->tls) : strerror(errno));
}

/* --- writing ------------------------------------------------------------- */

/* A server that refuses us says why, and resets the connection when it gets
 * more from us. What it said can still be read. */
static void hear_reason(struct client_conn *c)
{
	int saved = errno;
	if (c->tls)
		(void)tls_client_recv(c->tls, c->piece, PIECE);
	errno = saved;
}

static ssize_t write_piece(struct client_conn *c, const char *data, size_t len)
{
	if (c->tls == NULL)
		return send(c->fd, data, len, MSG_NOSIGNAL);
	/* What was refused for now is encrypted already. */
	size_t n = c->again ? c->again : len < PIECE ? len : PIECE;
	ssize_t rc = tls_client_send(c->tls, data, n);
	c->again = rc < 0 ? n : 0;
	return rc;
}

static void write_out(struct client_conn *c)
{
	size_t done = 0;
	ssize_t rc = 0;
	while (done < c->out.len && rc >= 0) {
		rc = write_piece(c, c->out.data + done, c->out.len - done);
		if (rc > 0)
			done += (size_t)rc;
		else if (rc < 0 && errno == EINTR)
			rc = 0;
	}
	int saved = errno;
	buf_drop(&c->out, done);
	errno = saved;
	if (rc < 0 && errno != EAGAIN) {
		hear_reason(c);
		lost_by_error(c);
		return;
	}
	client_conn_want(c, UV_READABLE | (c->out.len ? UV_WRITABLE : 0));
}

void client_conn_send(struct client_conn *c, const void *data, size_t len)
{
	CHECK(c->phase == PHASE_OPEN || c->phase == PHASE_LOST);
	buf_add(&c->out, data, len);
	if (c->phase == PHASE_OPEN && !(c->events & UV_WRITABLE))
		CHECK_OS(uv_idle_start(&c->turn, client_conn_on_turn));
}

/* --- reading ------------------------------------------------------------- */

static ssize_t read_some(struct client_conn *c)
{
	return c->tls ? tls_client_recv(c->tls, c->piece, PIECE)
		      : recv(c->fd, c->piece, PIECE, 0);
}

static void read_in(struct client_conn *c)
{
	ssize_t n = 1;
	for (int i = 0; i < PIECES && n > 0 && c->phase == PHASE_OPEN; i++) {
		n = read_some(c);
		if (n == 0) {
			client_conn_lost(c, true, "connection closed");
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			lost_by_error(c);
		} else if (n > 0) {
			c->o.data(c->o.arg, c->piece, (size_t)n);
			/* Without TLS, a read that is not full has taken
			 * everything. */
			if (c->tls == NULL && n < PIECE)
				return;
		}
	}
	/* The socket will not tell about these. */
	if (c->phase == PHASE_OPEN && c->tls && tls_client_pending(c->tls))
		CHECK_OS(uv_idle_start(&c->turn, client_conn_on_turn));
}

static void client_conn_on_turn(uv_idle_t *handle)
{
	struct client_conn *c = handle->data;
	CHECK_OS(uv_idle_stop(handle));
	if (c->phase == PHASE_OPEN && c->tls && tls_client_pending(c->tls))
		read_in(c);
	if (c->phase == PHASE_OPEN)
		write_out(c);
}

/* --- connecting ---------------------------------------------------------- */

static void is_open(struct client_conn *c)
{
	c->phase = PHASE_OPEN;
	client_conn_want(c, UV_READABLE);
	c->o.connected(c->o.arg);
}

static void client_conn_shake_hands(struct client_conn *c)
{
	switch (tls_client_handshake(c->tls)) {
	case TLS_DONE:
		is_open(c);
		return;
	case TLS_READ:
		client_conn_want(c, UV_READABLE);
		return;
	case TLS_WRITE:
		client_conn_want(c, UV_WRITABLE);
		return;
	case TLS_FAILED:
		client_conn_lost(c, false, tls_client_error(c->tls));
		return;
	}
}

static void tcp_is_up(struct client_conn *c)
{
	int failed = 0;
	socklen_t len = sizeof failed;
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0)
		failed = errno;
	if (failed) {
		client_conn_lost(c, false, strerror(failed));
		return;
	}
	if (c->o.tls == NULL) {
		is_open(c);
		return;
	}
	struct err e = tls_client_new(c->o.tls, c->o.host, c->fd, &c->tls);
	if (e.kind != ERR_KIND_OK) {
		client_conn_lost(c, false, e.msg);
		return;
	}
	c->phase = PHASE_SHAKING;
	client_conn_shake_hands(c);
}

static void client_conn_on_poll(uv_poll_t *handle, int status, int events)
{
	struct client_conn *c = handle->data;
	int wanted = c->events;
	if (status < 0)
		c->events = 0; /* libuv has stopped the poll */
	if (c->phase == PHASE_CONNECTING) {
		tcp_is_up(c);
		return;
	}
	if (c->phase == PHASE_SHAKING) {
		client_conn_shake_hands(c);
		return;
	}
	if (c->phase == PHASE_OPEN && (status < 0 || events & UV_READABLE))
		read_in(c);
	if (c->phase == PHASE_OPEN && status == 0 && events & UV_WRITABLE)
		write_out(c);
	/* The last bytes of the server came before the error of the socket. */
	if (c->phase == PHASE_OPEN && status < 0)
		client_conn_want(c, wanted);
}

static void on_failed(uv_idle_t *handle)
{
	struct client_conn *c = handle->data;
	client_conn_lost(c, false, c->failed);
}

static bool parse_address(
    const struct client_conn_options *o, struct sockaddr_storage *out)
{
	return uv_ip4_addr(o->address, o->port, (struct sockaddr_in *)out) ==
		   0 ||
	       uv_ip6_addr(o->address, o->port, (struct sockaddr_in6 *)out) ==
		   0;
}

/* The socket, which connects; -1, and errno. */
static int client_conn_connect(const struct client_conn_options *o)
{
	struct sockaddr_storage a = {0};
	int one = 1;
	errno = EADDRNOTAVAIL;
	if (!parse_address(o, &a))
		return -1;
	int fd =
	    socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = a.ss_family == AF_INET ? sizeof(struct sockaddr_in)
					       : sizeof(struct sockaddr_in6);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, (const struct sockaddr *)&a, len) == 0 ||
	    errno == EINPROGRESS)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* --- life ---------------------------------------------------------------- */

struct client_conn *client_conn_new(const struct client_conn_options *o)
{
	struct client_conn *c = MEM_NEW(struct client_conn);
	c->o = *o;
	CHECK_OS(uv_idle_init(o->loop, &c->turn));
	c->turn.data = c->poll.data = c;
	c->closing = 1;
	c->fd = client_conn_connect(o);
	if (c->fd < 0) {
		snprintf(c->failed, sizeof c->failed, "%s", strerror(errno));
		CHECK_OS(uv_idle_start(&c->turn, on_failed));
		return c;
	}
	CHECK_OS(uv_poll_init(o->loop, &c->poll, c->fd));
	c->closing = 2;
	client_conn_want(c, UV_WRITABLE);
	return c;
}

static void client_conn_on_closed(uv_handle_t *handle)
{
	struct client_conn *c = handle->data;
	if (--c->closing > 0)
		return;
	tls_client_free(&c->tls);
	if (c->fd >= 0)
		close(c->fd);
	buf_free(&c->out);
	free(c);
}

void client_conn_free(struct client_conn **cp)
{
	struct client_conn *c = *cp;
	*cp = NULL;
	if (c == NULL)
		return;
	c->phase = PHASE_FREED;
	if (c->fd >= 0)
		uv_close((uv_handle_t *)&c->poll, client_conn_on_closed);
	uv_close((uv_handle_t *)&c->turn, client_conn_on_closed);
}
