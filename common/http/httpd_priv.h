/* What the modules of an httpd share: its connections, and how they end. */
#pragma once

#include "common/http/httpd.h"

struct lingering;
struct tls_credentials;
struct tls_peer;
struct tls_transport;
struct httpd_poll;

/* A connection has one request at a time. */
struct connection {
	struct httpd *httpd;
	struct connection *next, *prev;
	struct connection *newer, *older; /* of the idle ones */
	bool listed;			  /* among them */
	void *client;			  /* what `admit` made */
	struct MHD_Connection *mhd;
	int fd;
	struct tls_credentials *tls;	 /* NULL: without TLS */
	struct tls_transport *transport; /* NULL: without TLS */
	struct tls_peer *peer;		 /* NULL: none, or not asked for yet */
	bool peer_asked;
	struct conn_timeout pace;
	bool cut;
	bool in_head;		/* the line is in, the headers are not */
	bool refused;		/* on the socket: nothing is read any more */
	bool last;		/* no request of this connection follows */
	mono_us_t half_closed;	/* by a drain, at this time; 0: no */
	bool unread;		/* there may be a body that nobody reads */
	const char *version_at; /* in the request line, as it should be */
	void *request;		/* what `begin` made */
	bool chunked;
	bool complete; /* the body is in, or is not read */
};

/* Connections in the order in which they became idle. */
struct idle {
	struct connection *oldest, *newest;
};

struct httpd {
	struct httpd_options o;
	struct httpd_ops ops;
	struct MHD_Daemon *mhd;
	int port;
	int listen_fd; /* -1: closed */
	bool open;     /* it was opened; `mhd` and `poll` are there */
	bool draining;
	bool ending; /* httpd_free runs */
	struct httpd_drain drain;
	mono_us_t drained_since;
	struct loop_timer *drain_tick;
	size_t nrequests, nconnections, nmalformed;
	struct connection *connections;
	struct idle idle, fresh; /* fresh: without a request yet */
	uint64_t evicted, ncut;
	bool tight_bodies, tight_answers;
	struct lingering *linger;
	struct httpd_poll *poll;
	struct loop_timer *sweep;
};

/* The loop's time, in steps of a millisecond. It costs no clock read. */
static inline mono_us_t httpd_now(const struct httpd *h)
{
	return CLOCK_MS((int64_t)uv_now(loop_uv(h->o.loop)));
}

/* Shuts down the socket. libmicrohttpd then finds it closed. */
void httpd_cut_off(struct connection *c);
void httpd_close_listener(struct httpd *h);
