/* The end of an httpd.
 *
 * A drain must not reset a connection whose client has sent a request, or is
 * about to send one (RFC 9112, 9.6). When a listener is closed, the kernel
 * resets the connections in its accept queue. So new connections are refused
 * first. The listener is closed when all connections that had begun were
 * accepted. A connection without a request stays open for the linger time. Then
 * it is half-closed, and its client has the same time to close it.
 */
#include "common/http/client_socket.h"
#include "common/http/httpd_priv.h"
#include "common/http/lingering.h"
#include "common/http/listener.h"

#include <sys/socket.h>
#include <unistd.h>

enum { TICK_US = 20000 };

/* Are there bytes from the client that were not read? */
static bool has_unread(const struct connection *c)
{
	char byte;
	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void httpd_close_listener(struct httpd *h)
{
	if (h->listen_fd < 0)
		return;
	if (h->open)
		MHD_quiesce_daemon(h->mhd);
	close(h->listen_fd);
	h->listen_fd = -1;
}

/* While one listener of the port takes connections, the kernel may give a new
 * one to any of them, also to one that refuses. */
static bool all_are_in(const struct httpd *h)
{
	bool refused = h->o.taking == NULL || atomic_load(h->o.taking) == 0;
	return refused && httpd_now(h) - h->drained_since > h->drain.linger &&
	       listener_queued(h->listen_fd) == 0;
}

static bool is_without_request(const struct connection *c)
{
	enum conn_timeout_phase p = c->pace.phase;
	return c->request == NULL && !c->cut &&
	       (p == CONN_TIMEOUT_NEW || p == CONN_TIMEOUT_IDLE ||
		   p == CONN_TIMEOUT_RECEIVING);
}

/* Ends a connection without a request; one may be on its way. */
static void httpd_drain_let_go(struct connection *c)
{
	const struct httpd *h = c->httpd;
	mono_us_t since = c->half_closed ? c->half_closed : c->pace.since;
	if (since < h->drained_since)
		since = h->drained_since;
	if (httpd_now(h) - since <= h->drain.linger)
		return;
	if (c->half_closed) {
		httpd_cut_off(c);
	} else if (!has_unread(c)) {
		c->half_closed = httpd_now(h);
		c->last = true;
		client_socket_end(c->mhd);
	}
}

static void on_drain_tick(void *arg)
{
	struct httpd *h = arg;
	for (struct connection *c = h->connections; c; c = c->next) {
		if (is_without_request(c))
			httpd_drain_let_go(c);
	}
	if (h->listen_fd >= 0 && all_are_in(h))
		httpd_close_listener(h);
	loop_timer_start(h->drain_tick, TICK_US);
}

void httpd_drain(struct httpd *h, const struct httpd_drain *how)
{
	if (h->draining)
		return;
	h->draining = true;
	h->drain = *how;
	h->drained_since = httpd_now(h);
	if (!h->open) {
		httpd_close_listener(h);
		return;
	}
	listener_refuse(h->listen_fd);
	if (h->o.taking)
		atomic_fetch_sub(h->o.taking, 1);
	h->drain_tick = loop_timer_new(h->o.loop, on_drain_tick, h);
	loop_timer_start(h->drain_tick, TICK_US);
}

bool httpd_is_drained(const struct httpd *h)
{
	return h->listen_fd < 0 && h->nrequests == 0 && h->nconnections == 0 &&
	       lingering_count(h->linger) == 0;
}
