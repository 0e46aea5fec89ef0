/* Connections and requests of a libmicrohttpd daemon.
 *
 * Every byte restarts libmicrohttpd's own timeout. So a client that sends one
 * byte a second could hold a connection for ever. For this reason, every
 * connection has an age: the time since its request began, since it became
 * idle, or since its client last took a part of the answer. A sweep shuts down
 * the sockets that are too old, and those that their clients have closed.
 * libmicrohttpd then finds them closed.
 */
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/http/client_socket.h"
#include "common/http/httpd_poll.h"
#include "common/http/httpd_priv.h"
#include "common/http/lingering.h"
#include "common/http/listener.h"
#include "common/http/tls_transport.h"
#include "common/net/tls_peer.h"
#include "common/net/tls_server.h"

#include <gnutls/abstract.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SWEEP_US = 1000000, LAST_SEND_US = 5000000 };

/* Before 1.0, a strict libmicrohttpd answers twice if there is no Host. */
#if MHD_VERSION >= 0x01000000
#define STRICTLY MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
#else
#define STRICTLY
#endif

/* --- connections --------------------------------------------------------- */

static struct idle *idle_of(const struct connection *c)
{
	return c->pace.phase == CONN_TIMEOUT_NEW ? &c->httpd->fresh
						 : &c->httpd->idle;
}

static void httpd_list(struct connection *c)
{
	struct idle *l = idle_of(c);
	c->listed = true;
	c->newer = NULL;
	c->older = l->newest;
	*(c->older ? &c->older->newer : &l->oldest) = c;
	l->newest = c;
}

static void unlist(struct connection *c)
{
	if (!c->listed)
		return;
	struct idle *l = idle_of(c);
	*(c->older ? &c->older->newer : &l->oldest) = c->newer;
	*(c->newer ? &c->newer->older : &l->newest) = c->older;
	c->listed = false;
}

static void httpd_enter(struct connection *c, enum conn_timeout_phase phase)
{
	unlist(c);
	conn_timeout_enter(&c->pace, phase, httpd_now(c->httpd));
	if (!c->cut &&
	    (phase == CONN_TIMEOUT_NEW || phase == CONN_TIMEOUT_IDLE))
		httpd_list(c);
}

void httpd_cut_off(struct connection *c)
{
	unlist(c);
	c->cut = true;
	shutdown(c->fd, SHUT_RDWR);
}

/* A client that only connects must not keep others out. */
static void httpd_make_room(struct httpd *h, const struct connection *arrived)
{
	size_t most = h->o.max_connections;
	struct connection *c = h->fresh.oldest;
	if (h->nconnections + most / 64 < most)
		return;
	if (c == NULL || c == arrived)
		c = h->idle.oldest;
	if (c == NULL)
		return;
	h->evicted++;
	httpd_cut_off(c);
}

static void httpd_admit(struct connection *c, const struct sockaddr *address)
{
	struct httpd *h = c->httpd;
	if (h->o.admit && !h->o.admit(h->o.arg, address, &c->client))
		httpd_cut_off(c);
}

static void connection_open(struct httpd *h, struct connection **slot,
    struct MHD_Connection *mhd, int fd, const struct sockaddr *address)
{
	struct connection *c = MEM_NEW(struct connection);
	c->httpd = h;
	c->mhd = mhd;
	c->fd = fd;
	c->next = h->connections;
	if (c->next)
		c->next->prev = c;
	h->connections = c;
	h->nconnections++;
	if (h->o.tls) {
		c->tls = tls_server_begin(h->o.tls, client_socket_tls(mhd));
		c->transport = tls_transport_new(fd);
		tls_transport_use(c->transport, client_socket_tls(mhd));
	}
	httpd_enter(c, CONN_TIMEOUT_NEW);
	*slot = c;
	httpd_admit(c, address);
	httpd_make_room(h, c);
}

/* Has the client closed the connection? If not, it may still send. */
static bool has_left(const struct connection *c)
{
	char byte;
	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void connection_close(struct httpd *h, struct connection **slot)
{
	struct connection *c = *slot;
	if (!h->ending && (c->unread || (h->draining && !has_left(c)))) {
		/* With TLS, libmicrohttpd only ends the session. */
		shutdown(c->fd, SHUT_WR);
		lingering_add(h->linger, c->fd);
	}
	if (c->prev)
		c->prev->next = c->next;
	else
		h->connections = c->next;
	if (c->next)
		c->next->prev = c->prev;
	h->nconnections--;
	unlist(c);
	if (c->client)
		h->o.leave(c->client);
	tls_credentials_release(&c->tls);
	tls_peer_free(&c->peer);
	tls_transport_free(&c->transport);
	free(c);
	*slot = NULL;
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **slot,
    enum MHD_ConnectionNotificationCode what)
{
	struct httpd *h = arg;
	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		connection_close(h, (struct connection **)slot);
		/* At its limit of connections, libmicrohttpd does not poll the
		 * listener. It starts again in the run after a close. */
		httpd_poll_again(h->poll);
		return;
	}
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	int fd = info->connect_fd;
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	connection_open(
	    h, (struct connection **)slot, mhd, fd, info->client_addr);
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info->socket_context;
}

/* Before 1.0, libmicrohttpd does not see the end of a connection if it arrives
 * together with the last bytes. */
static bool has_ended(const struct connection *c)
{
	bool reads = c->pace.phase == CONN_TIMEOUT_NEW ||
		     c->pace.phase == CONN_TIMEOUT_IDLE ||
		     c->pace.phase == CONN_TIMEOUT_RECEIVING;
	return reads && has_left(c);
}

static const struct conn_timeout_limits *limits_of(
    const struct connection *c, const struct conn_timeout_limits *usual)
{
	enum { LITTLE = 4096 };
	const struct httpd *h = c->httpd;
	bool tight = c->pace.phase == CONN_TIMEOUT_RECEIVING ? h->tight_bodies
							     : h->tight_answers;
	return tight && c->pace.memory > LITTLE ? &h->o.tight : usual;
}

/* Must the connection be cut off? Counts it if its client was too slow. */
static bool is_over(
    struct connection *c, const struct conn_timeout_limits *usual)
{
	struct httpd *h = c->httpd;
	if (conn_timeout_over(
		&c->pace, limits_of(c, usual), c->fd, httpd_now(h))) {
		h->ncut++;
		return true;
	}
	return has_ended(c);
}

/* A drain does not wait long for a client that does not read or send. */
static void hurry(const struct httpd *h, struct conn_timeout_limits *most)
{
	if (most->send > LAST_SEND_US)
		most->send = LAST_SEND_US;
	if (httpd_now(h) - h->drained_since > h->drain.receive)
		most->receive = 0;
}

static void httpd_on_sweep(void *arg)
{
	struct httpd *h = arg;
	struct conn_timeout_limits most = h->o.pace;
	if (h->draining)
		hurry(h, &most);
	for (struct connection *c = h->connections; c; c = c->next) {
		if (!c->cut && is_over(c, &most))
			httpd_cut_off(c);
	}
	loop_timer_start(h->sweep, SWEEP_US);
}

/* --- requests ------------------------------------------------------------ */

static size_t memory_of(const struct httpd *h)
{
	return HTTPD_CONNECTION_MEMORY + h->o.more_memory;
}

/* Answers on the socket, without libmicrohttpd. libmicrohttpd is then told to
 * close the connection, or finds that it cannot send. */
static void refuse_now(struct connection *c, const struct http_head_fault *f)
{
	c->refused = c->unread = true;
	c->in_head = false;
	c->httpd->nmalformed += f->status < 500;
	http_head_refuse(c->mhd, f);
}

/* Called when the request line is in, before the headers. */
static void *on_line(void *arg, const char *uri, struct MHD_Connection *mhd)
{
	const struct httpd *h = arg;
	struct connection *c = connection_of(mhd);
	httpd_enter(c, CONN_TIMEOUT_RECEIVING);
	c->in_head = true;
	c->version_at = uri ? http_head_version_at(uri) : NULL;
	if (c->last) {
		c->refused = true;
		c->unread |= h->draining;
		client_socket_end(c->mhd);
	} else if (uri && !http_head_fits(uri, memory_of(h)))
		refuse_now(c, &http_head_too_many_headers);
	return NULL;
}

static void look_whether_held(struct httpd *h, struct connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    c->mhd, MHD_CONNECTION_INFO_CONNECTION_SUSPENDED);
	if (info->suspended == MHD_YES)
		conn_timeout_hold(&c->pace, httpd_now(h));
}

static enum MHD_Result on_body(
    struct httpd *h, struct connection *c, const char *data, size_t *len)
{
	size_t taken = *len;
	if (c->chunked && !http_head_chunk_fits(data)) {
		refuse_now(c, &http_head_bad_chunk);
		return MHD_NO;
	}
	switch (h->ops.body(c->request, data, *len, &taken)) {
	case HTTPD_TAKEN:
		break;
	case HTTPD_LARGE:
		refuse_now(c, &http_head_too_large);
		return MHD_NO;
	case HTTPD_FULL:
		refuse_now(c, &http_head_full);
		return MHD_NO;
	case HTTPD_CLOSE:
		return MHD_NO;
	}
	look_whether_held(h, c);
	CHECK(taken == *len || c->pace.phase == CONN_TIMEOUT_HELD);
	conn_timeout_got(&c->pace, taken);
	*len -= taken;
	return MHD_YES;
}

/* For the first call of the access handler: libmicrohttpd closes the connection
 * after this answer, and reads nothing more from it. */
static enum MHD_Result httpd_refuse(
    struct connection *c, const struct http_head_fault *f)
{
	struct MHD_Response *response = http_head_response(f);
	enum MHD_Result rc = MHD_queue_response(c->mhd, f->status, response);
	MHD_destroy_response(response);
	c->unread = true;
	c->httpd->nmalformed++;
	httpd_enter(c, CONN_TIMEOUT_ANSWERING);
	return rc;
}

static enum MHD_Result on_head(struct httpd *h, struct connection *c,
    const char *path, const char *method, const char *version, void **slot)
{
	struct http_head head;
	bool refused = false;
	c->in_head = false;
	if (c->refused)
		return MHD_NO;
	http_head_read(c->mhd, method, path, version, &head);
	path = http_head_path(path);
	if (head.fault == NULL &&
	    (path == NULL || (c->version_at && c->version_at != version)))
		head.fault = &http_head_bad_target;
	if (head.fault)
		return httpd_refuse(c, head.fault);
	c->request =
	    h->ops.begin(h->o.arg, c->mhd, method, path, &head, &refused);
	c->chunked = head.length == HTTP_HEAD_UNKNOWN;
	c->complete = refused && head.length > 0;
	h->nrequests++;
	*slot = c;
	if (!c->complete)
		return MHD_YES;
	c->unread = true;
	httpd_enter(c, CONN_TIMEOUT_ANSWERING);
	return h->ops.run(c->request);
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *mhd,
    const char *path, const char *method, const char *version, const char *data,
    size_t *len, void **slot)
{
	struct httpd *h = arg;
	struct connection *c = *slot;
	if (c == NULL)
		return on_head(
		    h, connection_of(mhd), path, method, version, slot);
	if (*len)
		return on_body(h, c, data, len);
	if (!c->complete) {
		c->complete = true;
		/* libmicrohttpd finds the end of trailers no better than the
		 * end of a head. So no request may follow them. */
		c->last = c->chunked && MHD_get_connection_values(mhd,
					    MHD_FOOTER_KIND, NULL, NULL) > 0;
		httpd_enter(c, CONN_TIMEOUT_ANSWERING);
	}
	return h->ops.run(c->request);
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **slot,
    enum MHD_RequestTerminationCode why)
{
	(void)why;
	struct httpd *h = arg;
	struct connection *c = *slot;
	if (connection_of(mhd)->transport)
		tls_transport_flush(connection_of(mhd)->transport);
	if (c == NULL)
		return; /* refused by its head */
	httpd_enter(c, CONN_TIMEOUT_IDLE);
	h->nrequests--;
	h->ops.end(c->request);
	c->request = NULL;
	*slot = NULL;
}

/* Leaves the escapes in names: the handler decides about %00 and %2F. */
static size_t keep_escapes(void *arg, struct MHD_Connection *mhd, char *s)
{
	(void)arg;
	(void)mhd;
	return strlen(s);
}

/* libmicrohttpd does not say which connection its message is about. */
static void refuse_lengths(struct httpd *h)
{
	for (struct connection *c = h->connections; c; c = c->next) {
		if (c->in_head && http_head_has_bad_length(c->mhd))
			refuse_now(c, &http_head_bad_length);
	}
}

__attribute__((format(printf, 2, 0))) static void httpd_on_log(
    void *arg, const char *fmt, va_list ap)
{
	char text[256];
	vsnprintf(text, sizeof text, fmt, ap);
	if (http_head_refuses_length(text))
		refuse_lengths(arg);
	log_event(EV_MHD, "text=%s", log_quote(text));
}

/* --- interface ----------------------------------------------------------- */

void httpd_resume(struct httpd *h, struct MHD_Connection *c)
{
	conn_timeout_let_go(&connection_of(c)->pace, httpd_now(h));
	MHD_resume_connection(c);
	httpd_poll_again(h->poll);
}

struct err httpd_new(const struct httpd_options *o, struct httpd **out)
{
	*out = NULL;
	int fd, port;
	struct err e = listener_bind(o->address, o->shared, &fd, &port);
	if (e.kind != ERR_KIND_OK)
		return e;
	struct httpd *h = MEM_NEW(struct httpd);
	h->o = *o;
	h->ops = *o->ops;
	h->port = port;
	h->listen_fd = fd;
	*out = h;
	return ERR_OK;
}

/* Every connection gets credentials of its own (tls_server_begin) before it
 * could need these. libmicrohttpd does not start without some. */
static int no_certificate(gnutls_session_t session,
    const gnutls_datum_t *authorities, int nauthorities,
    const gnutls_pk_algorithm_t *algorithms, int nalgorithms,
    gnutls_pcert_st **certificate, unsigned *length, gnutls_privkey_t *key)
{
	(void)session;
	(void)authorities;
	(void)nauthorities;
	(void)algorithms;
	(void)nalgorithms;
	(void)certificate;
	(void)length;
	(void)key;
	return -1;
}

static struct MHD_Daemon *httpd_start(struct httpd *h)
{
	const struct MHD_OptionItem tls[] = {
	    {MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
		(void *)(uintptr_t)no_certificate},
	    {MHD_OPTION_END, 0, NULL}};
	const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
				    MHD_USE_ERROR_LOG |
				    (h->o.tls ? MHD_USE_TLS : 0),
	    0, NULL, NULL, on_access, h,
	    /* The first option, so that it covers the start itself. */
	    MHD_OPTION_EXTERNAL_LOGGER, httpd_on_log, h,
	    MHD_OPTION_LISTEN_SOCKET, h->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
	    h->o.max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    memory_of(h), MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_URI_LOG_CALLBACK, on_line, h,
	    STRICTLY MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, h,
	    MHD_OPTION_ARRAY, h->o.tls ? tls : none, MHD_OPTION_END);
}

struct err httpd_open(struct httpd *h)
{
	struct err e = listener_start(h->listen_fd, h->o.address);
	if (e.kind != ERR_KIND_OK)
		return e;
	h->mhd = httpd_start(h);
	if (h->mhd == NULL)
		return err_make(ERR_KIND_FATAL, "listen",
		    "cannot start the HTTP listener on %s", h->o.address);
	h->open = true;
	if (h->o.taking)
		atomic_fetch_add(h->o.taking, 1);
	h->poll = httpd_poll_new(h->o.loop, h->mhd);
	h->linger = lingering_new(h->o.loop);
	h->sweep = loop_timer_new(h->o.loop, httpd_on_sweep, h);
	loop_timer_start(h->sweep, SWEEP_US);
	return ERR_OK;
}

void httpd_streams(struct MHD_Connection *c)
{
	httpd_enter(connection_of(c), CONN_TIMEOUT_STREAMING);
}

void httpd_answers(struct MHD_Connection *mhd)
{
	struct connection *c = connection_of(mhd);
	if (c->transport && c->pace.phase != CONN_TIMEOUT_STREAMING)
		tls_transport_hold_head(c->transport);
}

void *httpd_client(struct MHD_Connection *c)
{
	return connection_of(c)->client;
}

const struct tls_peer *httpd_peer(struct MHD_Connection *mhd)
{
	struct connection *c = connection_of(mhd);
	if (c->tls && !c->peer_asked)
		c->peer = tls_peer_new(client_socket_tls(mhd));
	c->peer_asked = true;
	return c->peer;
}

void httpd_holds(struct MHD_Connection *c, size_t memory)
{
	connection_of(c)->pace.memory = memory;
}

void httpd_tighten(struct httpd *h, bool bodies, bool answers)
{
	h->tight_bodies = bodies;
	h->tight_answers = answers;
}

size_t httpd_memory(const struct httpd *h)
{
	/* Measured with GnuTLS 3.7: a connection without a request takes 11 KiB
	 * more than without TLS; and its transport. */
	enum { OF_TLS = 11 * 1024 + TLS_TRANSPORT_AHEAD + TLS_TRANSPORT_HEAD };
	return h->nconnections * (memory_of(h) + (h->o.tls ? OF_TLS : 0));
}

uint64_t httpd_evicted(const struct httpd *h)
{
	return h->evicted;
}

uint64_t httpd_cut(const struct httpd *h)
{
	return h->ncut;
}

int httpd_port(const struct httpd *h)
{
	return h->port;
}

size_t httpd_connections(const struct httpd *h)
{
	return h->nconnections;
}

size_t httpd_malformed(const struct httpd *h)
{
	return h->nmalformed;
}

void httpd_free(struct httpd **hp)
{
	struct httpd *h = *hp;
	if (h == NULL)
		return;
	h->ending = true;
	httpd_poll_free(&h->poll);
	loop_timer_free(&h->sweep);
	loop_timer_free(&h->drain_tick);
	httpd_close_listener(h);
	if (h->open)
		MHD_stop_daemon(h->mhd);
	lingering_free(&h->linger);
	CHECK(h->nrequests == 0 && h->nconnections == 0);
	free(h);
	*hp = NULL;
}
