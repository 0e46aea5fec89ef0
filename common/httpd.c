/* libmicrohttpd and the loop.
 *
 * MHD_run is called when its epoll descriptor is readable, when its timeout is
 * over, and once per loop turn after something was resumed (from a uv_check
 * and a uv_prepare handle: before the loop blocks again, whatever phase the
 * resume came from).
 *
 * libmicrohttpd's own timeout is refreshed by every byte, so that a client
 * that sends one byte a second holds a connection for ever. Every connection
 * therefore has an age: receiving (a request has begun), idle, or since its
 * client took something of the answer; a sweep shuts down the sockets that are
 * too old, and those whose client has closed them, and libmicrohttpd finds them
 * closed.
 */
#include "common/httpd.h"

#include "common/check.h"
#include "common/httpline.h"
#include "common/listener.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SWEEP_US = 1000000, LAST_SEND_US = 5000000 };

/* A connection has one request at a time. */
struct connection {
	struct httpd *httpd;
	struct connection *next, *prev;
	struct connection *newer, *older; /* of the idle ones */
	bool listed;			  /* among them */
	void *client;			  /* what `admit` made */
	int fd;
	struct pace pace;
	bool cut;
	bool refused;  /* by its request line */
	void *request; /* what `begin` made */
	bool complete; /* the body is in */
};

/* In the order in which they became idle. */
struct idle {
	struct connection *oldest, *newest;
};

struct httpd {
	struct httpd_options o;
	struct httpd_ops ops;
	struct MHD_Daemon *mhd;
	int port;
	bool dirty; /* something was resumed */
	bool quiesced;
	int listen_fd;
	size_t nrequests, nconnections;
	struct connection *connections;
	struct idle idle, fresh; /* fresh: without a request yet */
	uint64_t evicted, ncut;
	bool tight_bodies, tight_answers;
	uv_poll_t *poll;
	uv_check_t *check;
	uv_prepare_t *prepare;
	struct loop_timer *timeout; /* libmicrohttpd's */
	struct loop_timer *sweep;
};

/* --- connections --------------------------------------------------------- */

/* The loop's time, which costs no clock read: ages are in seconds. */
static mono_us_t now(const struct httpd *h)
{
	return CLOCK_MS((int64_t)uv_now(loop_uv(h->o.loop)));
}

static struct idle *idle_of(const struct connection *c)
{
	return c->pace.phase == PACE_NEW ? &c->httpd->fresh : &c->httpd->idle;
}

static void list(struct connection *c)
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

static void enter(struct connection *c, enum pace_phase phase)
{
	unlist(c);
	pace_enter(&c->pace, phase, now(c->httpd));
	if (!c->cut && (phase == PACE_NEW || phase == PACE_IDLE))
		list(c);
}

/* libmicrohttpd finds it closed. */
static void cut(struct connection *c)
{
	unlist(c);
	c->cut = true;
	shutdown(c->fd, SHUT_RDWR);
}

/* Who only connects cannot keep others out. */
static void make_room(struct httpd *h, const struct connection *arrived)
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
	cut(c);
}

static void admit(struct connection *c, const struct sockaddr *address)
{
	struct httpd *h = c->httpd;
	if (h->o.admit && !h->o.admit(h->o.arg, address, &c->client))
		cut(c);
}

static void connection_open(struct httpd *h, struct connection **slot, int fd,
    const struct sockaddr *address)
{
	struct connection *c = MEM_NEW(struct connection);
	c->httpd = h;
	c->fd = fd;
	c->next = h->connections;
	if (c->next)
		c->next->prev = c;
	h->connections = c;
	h->nconnections++;
	enter(c, PACE_NEW);
	*slot = c;
	admit(c, address);
	make_room(h, c);
}

static void connection_close(struct httpd *h, struct connection **slot)
{
	struct connection *c = *slot;
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
	free(c);
	*slot = NULL;
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **slot,
    enum MHD_ConnectionNotificationCode what)
{
	struct httpd *h = arg;
	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		connection_close(h, (struct connection **)slot);
		/* At its limit of connections libmicrohttpd does not look at
		 * the listener, and begins again in the run after a close. */
		h->dirty = true;
		return;
	}
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	int fd = info->connect_fd;
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	connection_open(h, (struct connection **)slot, fd, info->client_addr);
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info->socket_context;
}

/* Before 1.0, libmicrohttpd does not see the end of a connection that comes
 * together with the last bytes. */
static bool has_ended(const struct connection *c)
{
	char byte;
	bool reads = c->pace.phase == PACE_NEW || c->pace.phase == PACE_IDLE ||
		     c->pace.phase == PACE_RECEIVING;
	return reads && recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static const struct pace_limits *limits_of(
    const struct connection *c, const struct pace_limits *usual)
{
	enum { LITTLE = 4096 };
	const struct httpd *h = c->httpd;
	bool tight = c->pace.phase == PACE_RECEIVING ? h->tight_bodies
						     : h->tight_answers;
	return tight && c->pace.memory > LITTLE ? &h->o.tight : usual;
}

/* Looks at it; true: it must go. */
static bool is_over(struct connection *c, const struct pace_limits *usual)
{
	struct httpd *h = c->httpd;
	if (pace_over(&c->pace, limits_of(c, usual), c->fd, now(h))) {
		h->ncut++;
		return true;
	}
	return has_ended(c);
}

static void on_sweep(void *arg)
{
	struct httpd *h = arg;
	struct pace_limits most = h->o.pace;
	/* The end does not wait long for who does not read. */
	if (h->quiesced && most.send > LAST_SEND_US)
		most.send = LAST_SEND_US;
	for (struct connection *c = h->connections; c; c = c->next) {
		if (!c->cut && is_over(c, &most))
			cut(c);
	}
	loop_timer_start(h->sweep, SWEEP_US);
}

/* --- requests ------------------------------------------------------------ */

static size_t memory_of(const struct httpd *h)
{
	return HTTPD_CONNECTION_MEMORY + h->o.more_memory;
}

/* Called when the request line is in, before the headers. */
static void *on_line(void *arg, const char *uri, struct MHD_Connection *mhd)
{
	const struct httpd *h = arg;
	struct connection *c = connection_of(mhd);
	enter(c, PACE_RECEIVING);
	c->refused = !httpline_fits(uri, memory_of(h));
	if (c->refused)
		httpline_refuse(c->fd);
	return NULL;
}

static enum MHD_Result on_body(struct httpd *h, struct MHD_Connection *mhd,
    struct connection *c, const char *data, size_t *len)
{
	size_t taken = *len;
	if (!h->ops.body(c->request, data, *len, &taken))
		return MHD_NO;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    mhd, MHD_CONNECTION_INFO_CONNECTION_SUSPENDED);
	if (info->suspended == MHD_YES)
		pace_hold(&c->pace, now(h));
	CHECK(taken == *len || c->pace.phase == PACE_HELD);
	pace_got(&c->pace, taken);
	*len -= taken;
	return MHD_YES;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *mhd,
    const char *path, const char *method, const char *http_version,
    const char *data, size_t *len, void **slot)
{
	(void)http_version;
	struct httpd *h = arg;
	struct connection *c = *slot;
	if (c == NULL) {
		c = connection_of(mhd);
		if (c->refused || !httpline_one_length(mhd))
			return MHD_NO;
		c->request = h->ops.begin(h->o.arg, mhd, method, path);
		c->complete = false;
		h->nrequests++;
		*slot = c;
		return MHD_YES;
	}
	if (*len)
		return on_body(h, mhd, c, data, len);
	if (!c->complete) {
		c->complete = true;
		enter(c, PACE_ANSWERING);
	}
	return h->ops.run(c->request);
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **slot,
    enum MHD_RequestTerminationCode why)
{
	(void)mhd;
	(void)why;
	struct httpd *h = arg;
	struct connection *c = *slot;
	if (c == NULL)
		return; /* refused before its headers were in */
	enter(c, PACE_IDLE);
	h->nrequests--;
	h->ops.end(c->request);
	c->request = NULL;
	*slot = NULL;
}

/* Names stay as they were sent: a %00 or %2F is the handler's to judge. */
static size_t keep_escapes(void *arg, struct MHD_Connection *mhd, char *s)
{
	(void)arg;
	(void)mhd;
	return strlen(s);
}

__attribute__((format(printf, 2, 0))) static void on_log(
    void *arg, const char *fmt, va_list ap)
{
	(void)arg;
	char text[256];
	vsnprintf(text, sizeof text, fmt, ap);
	log_event(EV_MHD, "text=%s", log_quote(text));
}

/* --- the loop ------------------------------------------------------------ */

static void run(struct httpd *h)
{
	/* A resume inside of MHD_run is served by the next one. */
	do {
		h->dirty = false;
		MHD_run(h->mhd);
	} while (h->dirty);
	MHD_UNSIGNED_LONG_LONG ms;
	if (MHD_get_timeout(h->mhd, &ms) == MHD_YES)
		loop_timer_start(h->timeout, CLOCK_MS((int64_t)ms));
	else
		loop_timer_stop(h->timeout);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run(poll->data);
}

static void on_timeout(void *arg)
{
	run(arg);
}

static void on_check(uv_check_t *check)
{
	struct httpd *h = check->data;
	if (h->dirty)
		run(h);
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct httpd *h = prepare->data;
	if (h->dirty)
		run(h);
}

void httpd_resume(struct httpd *h, struct MHD_Connection *c)
{
	pace_let_go(&connection_of(c)->pace, now(h));
	MHD_resume_connection(c);
	h->dirty = true;
}

static void watch(struct httpd *h)
{
	uv_loop_t *uv = loop_uv(h->o.loop);
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	h->poll = MEM_NEW(uv_poll_t);
	CHECK_OS(uv_poll_init(uv, h->poll, info->epoll_fd));
	h->poll->data = h;
	CHECK_OS(uv_poll_start(h->poll, UV_READABLE, on_poll));
	h->check = MEM_NEW(uv_check_t);
	CHECK_OS(uv_check_init(uv, h->check));
	h->check->data = h;
	CHECK_OS(uv_check_start(h->check, on_check));
	h->prepare = MEM_NEW(uv_prepare_t);
	CHECK_OS(uv_prepare_init(uv, h->prepare));
	h->prepare->data = h;
	CHECK_OS(uv_prepare_start(h->prepare, on_prepare));
	h->timeout = loop_timer_new(h->o.loop, on_timeout, h);
	h->sweep = loop_timer_new(h->o.loop, on_sweep, h);
	loop_timer_start(h->sweep, SWEEP_US);
}

/* --- interface ----------------------------------------------------------- */

struct err httpd_new(const struct httpd_options *o, struct httpd **out)
{
	*out = NULL;
	int fd, port;
	struct err e = listener_open(o->address, o->shared, &fd, &port);
	if (e.verdict != VERDICT_OK)
		return e;
	struct httpd *h = MEM_NEW(struct httpd);
	h->o = *o;
	h->ops = *o->ops;
	h->port = port;
	h->listen_fd = fd;
	h->mhd = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
	    NULL, NULL, on_access, h,
	    /* First: it covers the start itself. */
	    MHD_OPTION_EXTERNAL_LOGGER, on_log, h, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, o->max_connections,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory_of(h),
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_URI_LOG_CALLBACK, on_line, h,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, h, MHD_OPTION_END);
	if (h->mhd == NULL) {
		close(fd);
		free(h);
		return err_make(VERDICT_FATAL, "listen",
		    "cannot start the HTTP listener on %s", o->address);
	}
	watch(h);
	*out = h;
	return ERR_OK;
}

void httpd_streams(struct MHD_Connection *c)
{
	enter(connection_of(c), PACE_STREAMING);
}

void *httpd_client(struct MHD_Connection *c)
{
	return connection_of(c)->client;
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
	return h->nconnections * memory_of(h);
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

size_t httpd_requests(const struct httpd *h)
{
	return h->nrequests;
}

void httpd_quiesce(struct httpd *h)
{
	if (h->quiesced)
		return;
	h->quiesced = true;
	/* Closing the socket makes the kernel refuse, and with SO_REUSEPORT
	 * hand new connections to those that still listen. */
	MHD_quiesce_daemon(h->mhd);
	close(h->listen_fd);
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

void httpd_free(struct httpd **hp)
{
	struct httpd *h = *hp;
	if (h == NULL)
		return;
	uv_close((uv_handle_t *)h->poll, free_handle);
	uv_close((uv_handle_t *)h->check, free_handle);
	uv_close((uv_handle_t *)h->prepare, free_handle);
	loop_timer_free(&h->timeout);
	loop_timer_free(&h->sweep);
	httpd_quiesce(h);
	MHD_stop_daemon(h->mhd);
	CHECK(h->nrequests == 0 && h->nconnections == 0);
	free(h);
	*hp = NULL;
}
